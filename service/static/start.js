// The view Start: what this is in a sentence, pictures that turn into each other, and three doors.
//
//     router -> [start] -> POST /generate, POST /interpolate -> canvas, doors
//
// The first picture comes from a small sheet, the motion from a strip of frames. It moves by itself unless a person
// prefers reduced motion; a button plays and stops it.

import {showError} from "./alert.js";
import {Player} from "./animation.js";
import {classNames, request} from "./api.js";
import {isFreeSpace, pictureScale} from "./display.js";
import {fitElement} from "./image.js";
import {texts} from "./texts.js";

const SEED = 7n;
const DOOR_PICTURES = 9; // three by three
const POINTS = 4;
const FRAMES = 48; // a strip holds up to 64
const FRAMES_PER_SECOND = 12;
const GAP_PIXELS = 2; // between the pictures of a sheet
const view = document.getElementById("start");
const [canvas, band, playButton, lead] = ["canvas", ".band", ".play", ".lead"].map(one => view.querySelector(one));
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
let card;
let shownVersion;
let strip; // ImageBitmap of all frames, side by side
let frame = 0;

const player = new Player({
  show: number => { frame = number; return paint(); },
  frameCount: () => FRAMES,
  rate: FRAMES_PER_SECOND,
  changed: () => {
    document.documentElement.classList.toggle("playing", player.playing);
    playButton.textContent = player.playing ? texts.start.pause : texts.start.play;
  },
});

/** Show the view with the model of a card. */
export function show(query, modelCard) {
  card = modelCard;
  layOut();
  const pictures = (card.classes ?? []).reduce((sum, {count}) => sum + count, 0);
  lead.textContent = texts.start.lead(card.name, pictures);
  canvas.setAttribute("aria-label", texts.start.alt(card.name));
  if (shownVersion !== card.version) load(card).catch(showError);
  else play();
}

/** Called when a person changes to another view. */
export function leave() {
  player.stop();
}

async function load({name, version}) {
  shownVersion = version;
  [strip, frame] = [undefined, 0];
  player.stop();
  playButton.disabled = true;
  const options = {wanted: () => shownVersion === version};
  const model = `${name}@${version}`;
  const sheet = await bitmap(request("generate", {model, n: DOOR_PICTURES, seed: SEED, format: "webp"}, options));
  if (shownVersion !== version) return;
  cut(canvas, sheet, 0, 0, 1, 1);
  showDoors(sheet);
  const names = classNames(card);
  const points = Array.from({length: POINTS}, (_, index) => (
    {seed: SEED, index, label: names[Math.floor((index * names.length) / POINTS)]}));
  const body = {model, points, frames: FRAMES, loop: true, spacing: "change", format: "jpeg"};
  const frames = await (await request("interpolate", body, options)).blob();
  const drawn = await createImageBitmap(frames);
  if (shownVersion !== version) return;
  strip = drawn;
  if (band.dataset.url) URL.revokeObjectURL(band.dataset.url);
  band.dataset.url = URL.createObjectURL(frames);
  band.style.backgroundImage = `url("${band.dataset.url}")`;
  playButton.disabled = false;
  play();
}

const bitmap = async answer => createImageBitmap(await (await answer).blob());

function play() {
  paint();
  if (strip && !stillness.matches && !view.hidden) player.play(frame, true);
}

function layOut() {
  const isWide = innerWidth >= 760;
  const width = Math.min(isWide ? innerWidth * 0.4 : innerWidth - 32, Math.max(448, innerWidth / 5) * pictureScale());
  fitElement(canvas, view, {width, height: Math.max(112, innerHeight * (isWide ? 0.55 : 0.4))}, card.image);
  view.style.setProperty("--stage-width", canvas.style.width);
}

/** Copy a part of a sheet, in pictures, to a canvas of that size. */
function cut(target, sheet, column, row, columns, rows) {
  const {width, height} = card.image;
  const [x, y] = [column * (width + GAP_PIXELS), row * (height + GAP_PIXELS)];
  target.width = columns * (width + GAP_PIXELS) - GAP_PIXELS;
  target.height = rows * (height + GAP_PIXELS) - GAP_PIXELS;
  target.getContext("2d").drawImage(sheet, x, y, target.width, target.height, 0, 0, target.width, target.height);
}

/** A sheet for Look, a row for Walk, one picture for Grade. */
function showDoors(sheet) {
  const parts = [[0, 0, 3, 3], [0, 1, 3, 1], [1, 2, 1, 1]];
  view.querySelectorAll(".picture").forEach((door, at) => {
    const picture = document.createElement("canvas");
    cut(picture, sheet, ...parts[at]);
    door.replaceChildren(picture);
  });
}

function paint() {
  if (!strip) return false;
  const {width, height} = card.image;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  canvas.getContext("2d").drawImage(strip, frame * (width + GAP_PIXELS), 0, width, height, 0, 0, width, height);
  const scale = band.clientHeight / height; // the frame that is shown is in the middle of the band
  band.style.backgroundPositionX = `${band.clientWidth / 2 - (frame * (width + GAP_PIXELS) + width / 2) * scale}px`;
  return true;
}

function toggle() {
  if (player.playing) player.stop();
  else player.play(frame, true);
}

playButton.addEventListener("click", toggle);
document.addEventListener("keydown", event => {
  if (view.hidden || !strip || !isFreeSpace(event)) return;
  event.preventDefault();
  toggle();
});
for (const change of ["resize", "display"]) addEventListener(change, () => { if (card && !view.hidden) { layOut(); paint(); } });
