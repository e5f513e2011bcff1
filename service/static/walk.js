// The view Walk: interpolation from picture to picture through the latent space.
//
//     router -> [walk] -> animation -> canvas
//
// The address bar holds the pictures of the walk, as at=seed/index, and whether it loops.

import {formatAddress, parseInteger, parsePoint, randomSeed} from "./address.js";
import {showError} from "./alert.js";
import {
  FRAMES_PER_SECOND, SEGMENT_FRAMES, animationQuery, fetchFrames, fetchPreview, isCached, previewFrame, segmentsOf,
} from "./animation.js";
import {baseUrl, classNames, request} from "./api.js";
import {currentKey, saveFile} from "./browser.js";
import {showCode} from "./code.js";
import {drawFrame, drawOfStrip, fitElement, loadPoint, pictureScale} from "./image.js";
import {isSlow} from "./line.js";
import {Player} from "./player.js";
import {navigate, rememberRoute} from "./router.js";
import {texts} from "./texts_walk.js";

const MAX_POINTS = 64;
const INITIAL_POINTS = 4;
const SHORT_PX = 520;
const MIXTURES = ["autoencoder", "denoising"]; // methods whose prior is a mixture
const view = document.getElementById("walk");
const form = view.querySelector("form");
const fields = form.elements;
const [canvas, slider, playButton, list, hint, status] =
  ["canvas", ".position", ".play", ".points", ".hint", ".status"].map(selector => view.querySelector(selector));
let model;
let card;
let points = [];
let segments = []; // {ends, frames, preview}, the last two undefined until they are fetched
let clearFetchError = () => {};
const frameCount = () => segments.length * SEGMENT_FRAMES;

const player = new Player({
  view, button: playButton, rate: FRAMES_PER_SECOND,
  show: frame => { slider.value = frame; return paint(); },
  frame: () => Number(slider.value) % frameCount(),
  frameCount,
});

/** Show the view for the query of the address bar; `modelCard` is the card of its model. */
export function show(query, modelCard) {
  card = modelCard;
  model = query.get("model") ?? card.name;
  if (!query.has("at")) {
    const seed = randomSeed();
    const at = Array.from({length: INITIAL_POINTS}, (_, index) => `${seed}/${index}`);
    navigate("walk", {model, at}, {replace: true});
    return;
  }
  points = query.getAll("at").slice(0, MAX_POINTS).map(text => {
    const address = {...parsePoint(text), model: card.name, version: card.version};
    return classNames(card).includes(address.label) ? address : {...address, label: undefined};
  });
  const loop = query.get("loop") !== "no";
  fields.loop.checked = loop;
  player.loop = loop;
  rememberRoute("walk", model, {model, at: points.map(formatAddress), loop: loop ? undefined : "no"});
  layOut();
  showShare();
  fetchSegments(loop);
}

/** Where the animation is that the menu of formats chooses, and what it is saved as. */
function animation() {
  const [format, size] = fields.format.value.split(" ");
  const query = animationQuery(points, fields.loop.checked, card.image, size);
  const path = `models/${card.name}/${card.version}/interpolation.${format}?${query}`;
  return {path, file: `${card.name}-walk.${format}`};
}

function showShare() {
  if (points.length < 2) return;
  const {path, file} = animation();
  showCode(form.querySelector(".code"), {url: `${baseUrl}${path}`, file, needsKey: currentKey() !== undefined});
  const query = animationQuery(points, fields.loop.checked, card.image);
  form.querySelector(".share").href = `view/${card.name}/${card.version}/interpolation?${query}`;
}

/** Called when a person changes to another view. */
export function leave() {
  player.stop();
}

function layOut() {
  const isWide = innerHeight <= SHORT_PX && innerWidth >= 640; // then the controls are at its side
  const most = isWide ? 0.45 * innerWidth : Math.max(640, 0.4 * innerWidth) * Math.max(1, pictureScale());
  const room = {width: Math.min(innerWidth - 24, most), height: Math.max(160, innerHeight - (isWide ? 100 : 400))};
  fitElement(canvas, view, room, card.image);
  list.replaceChildren(...points.map(pointItem));
  const single = points.length < 2;
  hint.textContent = single ? texts.walk.needsTwo : "";
  for (const control of [playButton, slider, fields.save, fields.format, fields.loop]) control.disabled = single;
  for (const one of form.querySelectorAll(".share, details")) one.hidden = single;
  fields.random.disabled = points.length >= MAX_POINTS;
  view.querySelector(".mixture-note").hidden = !MIXTURES.includes(card.method);
}

function fetchSegments(loop) {
  segments = segmentsOf(points, loop).map(ends => ({ends}));
  slider.max = Math.max(1, frameCount());
  if (!segments.length) showSinglePicture();
  fetchAll(segments);
}

/**
 * Fetch all segments at once. On a slow line first a preview of each, so that the walk can be played soon, and then one
 * after another.
 */
async function fetchAll(wanted) {
  const isWanted = () => segments === wanted && !view.hidden;
  const fetchPart = (segment, part, fetch) => fetch(segment.ends).then(found => {
    segment[part] = found;
    if (segments !== wanted) return;
    clearFetchError();
    paint();
  }, error => { if (segments === wanted) clearFetchError = showError(error); });
  for (const segment of isSlow() ? wanted.filter(({ends}) => !isCached(ends)) : []) {
    if (isWanted()) await fetchPart(segment, "preview", fetchPreview);
  }
  for (const segment of wanted) {
    if (!isWanted()) return;
    const fetched = fetchPart(segment, "frames", fetchFrames);
    if (isSlow()) await fetched;
  }
}

/** Draw the frame at the slider, or its preview; returns whether one of them was fetched already. */
function paint() {
  const frame = Number(slider.value);
  const at = Math.min(Math.floor(frame / SEGMENT_FRAMES), segments.length - 1);
  const offset = frame - at * SEGMENT_FRAMES;
  const {frames, preview} = segments[at] ?? {};
  if (frames) drawFrame(canvas, frames, offset);
  else if (preview) drawOfStrip(canvas, preview, previewFrame(offset), card.image);
  else return false;
  const percent = Math.round((100 * offset) / SEGMENT_FRAMES);
  const end = at + 1 < points.length ? at + 2 : 1;
  slider.setAttribute("aria-valuetext", texts.walk.position(percent, at + 1, end));
  const nearest = Math.round(frame / SEGMENT_FRAMES) % points.length;
  [...list.children].forEach((item, index) => item.classList.toggle("current", index === nearest));
  return true;
}

async function showSinglePicture() {
  const frames = await fetchFrames([points[0], points[0]]).catch(showError);
  if (frames && !segments.length) drawFrame(canvas, frames, 0);
}

/** List item of a picture of the walk, with buttons to go to it, move it and remove it. */
function pointItem(address, at) {
  const item = document.createElement("li");
  const name = address.code ? texts.walk.ownPoint(at + 1) : texts.walk.point(at + 1, address.index, address.seed);
  const image = loadPoint(Object.assign(new Image(), {alt: name}), address);
  const goTo = button(image, texts.walk.goTo(name), () => { player.stop(); slider.value = at * SEGMENT_FRAMES; paint(); });
  goTo.className = "go-to";
  const tools = document.createElement("span");
  tools.className = "tools";
  tools.append(
    button("←", texts.walk.earlier(name), () => change(moved(at, at - 1)), at === 0),
    button("×", texts.walk.remove(name), () => change(points.filter(other => other !== address)), points.length === 1),
    button("→", texts.walk.later(name), () => change(moved(at, at + 1)), at === points.length - 1),
  );
  item.append(goTo, tools);
  return item;
}

function button(content, label, onClick, disabled = false) {
  const made = Object.assign(document.createElement("button"), {type: "button", disabled});
  made.setAttribute("aria-label", label);
  made.append(content);
  made.addEventListener("click", onClick);
  return made;
}

function moved(from, to) {
  const order = [...points];
  order.splice(to, 0, ...order.splice(from, 1));
  return order;
}

function change(addresses, loop = fields.loop.checked) {
  navigate("walk", {model, at: addresses.map(formatAddress), loop: loop ? undefined : "no"});
}

async function save() {
  if (fields.save.getAttribute("aria-disabled") === "true") return;
  status.textContent = texts.walk.drawing;
  fields.save.setAttribute("aria-disabled", true); // disabled, it would lose the focus
  try {
    const {path, file} = animation();
    saveFile(await (await request(path)).blob(), file);
    status.textContent = texts.walk.saved(file);
  } catch (error) {
    status.textContent = "";
    showError(error);
  } finally {
    fields.save.removeAttribute("aria-disabled");
  }
}

slider.addEventListener("input", () => { player.stop(); paint(); });
form.addEventListener("submit", event => {
  event.preventDefault();
  try {
    if (points.length >= MAX_POINTS) throw new Error(texts.walk.full(MAX_POINTS));
    const [seed, index] = ["seed", "index"].map(name => parseInteger(fields[name].value, name));
    change([...points, {seed, index, truncation: 1}]);
  } catch (error) {
    showError(error);
  }
});
fields.random.addEventListener("click", () => change([...points, {seed: randomSeed(), index: 0n, truncation: 1}]));
fields.loop.addEventListener("change", () => change(points));
fields.save.addEventListener("click", save);
fields.format.addEventListener("change", showShare);
for (const change of ["resize", "display"]) addEventListener(change, () => card && !view.hidden && layOut());
