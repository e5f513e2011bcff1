// The view Start: what this is in a sentence, pictures that turn into each other, and three doors.
//
//     router -> [start] -> POST /generate, POST /interpolate -> canvas, doors
//
// The first pictures come as a small sheet, the motion as a strip of frames. It moves by itself unless a person prefers
// reduced motion; a button plays and stops it.

import {showError} from "./alert.js";
import {classNames, request} from "./api.js";
import {OPENING, noteShown, takeFirst} from "./first.js";
import {SHEET_GAP, drawOfStrip, fitElement, pictureScale} from "./image.js";
import {loadPart} from "./parts.js";
import {texts} from "./texts_page.js";

const POINTS = 4;
const FRAMES = 48; // a strip holds up to 64
const FRAMES_PER_SECOND = 12;
const view = document.getElementById("start");
const [canvas, band, playButton, lead] = ["canvas", ".band", ".play", ".lead"].map(one => view.querySelector(one));
const stillness = matchMedia("(prefers-reduced-motion: reduce)");
let card;
let shownVersion;
let strip; // ImageBitmap of all frames, side by side
let frame = 0;
let player; // made when there is something to play

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
  player?.stop();
}

async function load({name, version}) {
  shownVersion = version;
  [strip, frame] = [undefined, 0];
  player?.stop();
  playButton.disabled = true;
  const fetchPictures = async (path, body) => (await request(path, body, {wanted: () => shownVersion === version})).blob();
  const query = {model: `${name}@${version}`, seed: OPENING.seed, truncation: 1};
  const first = await takeFirst(query)?.sheet ?? await fetchPictures("generate", {...query, n: OPENING.n, format: "webp"});
  const sheet = await createImageBitmap(first);
  if (shownVersion !== version) return;
  cut(canvas, sheet, 0, 0, 1, 1);
  showBand(cut(document.createElement("canvas"), sheet, 0, 0, 3, 1).toDataURL());
  showDoors(sheet);
  noteShown();
  const names = classNames(card);
  const points = Array.from({length: POINTS}, (_, index) => (
    {seed: OPENING.seed, index, label: names[Math.floor((index * names.length) / POINTS)]}));
  const body = {model: query.model, points, frames: FRAMES, loop: true, spacing: "change", format: "jpeg"};
  const [frames] = await Promise.all([fetchPictures("interpolate", body), makePlayer()]);
  const drawn = await createImageBitmap(frames);
  if (shownVersion !== version) return;
  strip = drawn;
  showBand(URL.createObjectURL(frames));
  playButton.disabled = false;
  play();
}

/** Show a strip of pictures in place of the one before. */
function showBand(url) {
  URL.revokeObjectURL(band.dataset.url);
  band.dataset.url = url;
  band.style.backgroundImage = `url("${url}")`;
}

async function makePlayer() {
  const {Player} = await loadPart("player");
  player ??= new Player({
    view, button: playButton, rate: FRAMES_PER_SECOND, frame: () => frame, frameCount: () => FRAMES,
    show: number => { frame = number; return paint(); },
  });
}

function play() {
  paint();
  if (strip && !stillness.matches && !view.hidden) player.play();
}

function layOut() {
  const isWide = innerWidth >= 760;
  const width = Math.min(isWide ? innerWidth * 0.4 : innerWidth - 32, Math.max(448, innerWidth / 5) * pictureScale());
  fitElement(canvas, view, {width, height: Math.max(112, innerHeight * (isWide ? 0.55 : 0.4))}, card.image);
  view.style.setProperty("--stage-width", canvas.style.width);
}

/** Copy a part of a sheet, in pictures, to a canvas of that size; returns the canvas. */
function cut(target, sheet, column, row, columns, rows) {
  const {width, height} = card.image;
  const [x, y] = [column * (width + SHEET_GAP), row * (height + SHEET_GAP)];
  target.width = columns * (width + SHEET_GAP) - SHEET_GAP;
  target.height = rows * (height + SHEET_GAP) - SHEET_GAP;
  target.getContext("2d").drawImage(sheet, x, y, target.width, target.height, 0, 0, target.width, target.height);
  return target;
}

/** A sheet for Look, a row for Walk, one picture for Grade. */
function showDoors(sheet) {
  const parts = [[0, 0, 3, 3], [0, 1, 3, 1], [1, 2, 1, 1]];
  view.querySelectorAll(".picture").forEach((door, at) => {
    door.replaceChildren(cut(document.createElement("canvas"), sheet, ...parts[at]));
  });
}

function paint() {
  if (!strip) return false;
  const {width, height} = card.image;
  drawOfStrip(canvas, strip, frame, card.image);
  const scale = band.clientHeight / height; // the frame that is shown is in the middle of the band
  band.style.backgroundPositionX = `${band.clientWidth / 2 - (frame * (width + SHEET_GAP) + width / 2) * scale}px`;
  return true;
}

stillness.addEventListener("change", () => stillness.matches && leave());
for (const change of ["resize", "display"]) addEventListener(change, () => { if (card && !view.hidden) { layOut(); paint(); } });
