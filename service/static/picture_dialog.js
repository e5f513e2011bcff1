// Dialog of one picture: its address, its permanent link, and pictures nearby in the latent space.
//
//     look -> [picture_dialog] -> walk, play, nearest
//
// Knows no grid: its handlers say what happens when it is closed or another picture is wanted.

import {imageUrl, shiftIndex, toPoint, viewUrl} from "./address.js";
import {baseUrl, fetchModels, request} from "./api.js";
import {copy, currentKey} from "./browser.js";
import {showCode} from "./code.js";
import {isCollectKey, isCollected, onCollection} from "./collected.js";
import {drawFrame, loadImage, parseNpy, sizeWithin} from "./image.js";
import {loadPart} from "./parts.js";
import {texts} from "./texts.js";

const NEIGHBOURS = 8;
const STEPS_TO_NEIGHBOUR = 5; // the picture that is shown for a neighbour is one of these steps towards it

const dialog = document.getElementById("picture");
const [figure, image, title, facts, permalink, download, status, neighbours, share, collectButton, smooth] = [
  "figure", "figure img", "h2", "dl", ".permalink", "[download]", ".status", ".neighbours", ".share", ".collect", "[name=smooth]",
].map(selector => dialog.querySelector(selector));
let shown;
let shape; // {width, height} of the picture
let on;

/**
 * Set the handlers: {closed(), go(index), start(address), add(address), play(address), collect(address), walk(addresses),
 * failed(error)}.
 */
export function listen(handlers) {
  on = handlers;
}

/** Show the picture at an address; `size` is {width, height} of the card. */
export async function open(address, size) {
  [shown, shape] = [address, size];
  fit();
  title.textContent = texts.picture.title(address.index, address.seed);
  image.alt = title.textContent;
  permalink.href = download.href = imageUrl(address);
  loadImage(image, imageUrl(address));
  permalink.textContent = new URL(imageUrl(address), baseUrl).href;
  download.download = `${address.model}-${address.seed}-${address.index}.png`;
  share.href = viewUrl(address);
  showCode(dialog.querySelector(".code"), {
    url: permalink.textContent, file: download.download, needsKey: currentKey() !== undefined,
  });
  showSizes();
  showCollected();
  status.textContent = "";
  showFacts(address);
  for (const button of dialog.querySelectorAll("[data-steps]")) {
    button.disabled = shiftIndex(address.index, button.dataset.steps) === undefined;
  }
  if (!dialog.open) dialog.showModal();
  await Promise.all([showClass(address), showNeighbours(address), showNearest(address)]).catch(error => on.failed(error));
}

/** Close it, if it is open; returns the index that it showed. */
export function close() {
  const index = shown?.index;
  shown = undefined;
  if (figure.matches(":fullscreen")) document.exitFullscreen();
  if (dialog.open) dialog.close();
  return index;
}

/** Show the picture as large as fits next to the facts; or on the whole screen, where it is alone. */
function fit() {
  const room = figure.matches(":fullscreen") ? {width: innerWidth, height: innerHeight}
    : {width: Math.min(Math.max(560, innerWidth * 0.36), innerWidth - 48), height: innerHeight * 0.8};
  const {width, enlarged} = sizeWithin(room, shape);
  dialog.style.setProperty("--large", `${width}px`);
  dialog.style.setProperty("--aspect", `${shape.width} / ${shape.height}`);
  dialog.classList.toggle("pixels", enlarged);
}

/** Links to the enlargements. */
function showSizes() {
  for (const link of dialog.querySelectorAll("[data-size]")) {
    const {size} = link.dataset;
    link.href = imageUrl(shown, {size, ...(smooth.checked && {scaling: "smooth"})}); // the service names the file
  }
}

function showCollected() {
  if (!shown) return;
  const is = isCollected(shown);
  collectButton.setAttribute("aria-pressed", is);
  collectButton.textContent = is ? texts.share.collected : texts.share.collect;
}

function showFacts({model, version, truncation}, label) {
  const names = texts.picture.facts;
  const rows = [
    [names.model, texts.picture.modelVersion(model, version)], [names.class, label], [names.truncation, String(truncation)],
  ];
  facts.replaceChildren(...rows.filter(([, value]) => value !== undefined).flatMap(row => (
    row.map((textContent, at) => Object.assign(document.createElement(at ? "dd" : "dt"), {textContent})))));
}

async function showClass(address) {
  const {model, version, seed, index, label, truncation} = address;
  const body = {model: `${model}@${version}`, seed, start: index, label, truncation, format: "json"};
  const {images: [{label: found}]} = await (await request("generate", body, {wanted: () => shown === address})).json();
  if (shown === address) showFacts(address, found);
}

/** Show eight pictures nearby, each a step towards another index of the seed. */
async function showNeighbours(address) {
  neighbours.replaceChildren();
  const ends = Array.from({length: NEIGHBOURS}, (_, at) => {
    const index = shiftIndex(address.index, at + 1) ?? shiftIndex(address.index, -at - 1);
    return {...address, index};
  });
  // One request for all: to each end and back, so every second segment starts at this picture.
  const points = ends.flatMap(end => [toPoint(address), toPoint(end)]);
  const frames = (points.length - 1) * STEPS_TO_NEIGHBOUR + 1;
  const body = {model: `${address.model}@${address.version}`, points, frames, format: "npy"};
  const answer = await request("interpolate", body, {wanted: () => shown === address});
  const drawn = parseNpy(await answer.arrayBuffer());
  if (shown !== address) return;
  neighbours.replaceChildren(...ends.map((end, at) => {
    const canvas = document.createElement("canvas");
    drawFrame(canvas, drawn, 2 * STEPS_TO_NEIGHBOUR * at + 1);
    const button = Object.assign(document.createElement("button"), {type: "button"});
    button.setAttribute("aria-label", texts.picture.walkTo(end.index));
    button.append(canvas);
    button.addEventListener("click", () => on.walk([address, end]));
    return button;
  }));
}

/** Show which training pictures it is nearest to, where the service has an index of them. */
async function showNearest(address) {
  const {models} = await fetchModels();
  if (shown !== address) return;
  const isIndexed = models.some(({card, has_index: has}) => card.name === address.model && has);
  dialog.querySelector(".nearest").hidden = !isIndexed;
  if (!isIndexed) return;
  const nearest = await loadPart("nearest");
  if (shown === address) nearest.show(address);
}

function step(offset) {
  const index = shiftIndex(shown.index, offset);
  if (index === undefined) return;
  shown = {...shown, index}; // at once: the next key must not wait until this picture is drawn
  on.go(index);
}

dialog.addEventListener("cancel", event => { event.preventDefault(); on.closed(); });
dialog.querySelector(".close").addEventListener("click", () => on.closed());
dialog.addEventListener("click", event => { if (event.target === dialog) on.closed(); });
dialog.querySelector(".steps").addEventListener("click", ({target}) => target.dataset.steps && step(target.dataset.steps));
dialog.addEventListener("keydown", event => {
  const {key, target} = event;
  if (target.matches("select, pre") || target.closest(".neighbours")) return;
  if (key === "ArrowLeft" || key === "ArrowRight") step(key === "ArrowLeft" ? -1 : 1);
  if (isCollectKey(event)) status.textContent = on.collect(shown);
});
collectButton.addEventListener("click", () => { status.textContent = on.collect(shown); });
smooth.addEventListener("change", showSizes);
onCollection(showCollected);
for (const event of ["resize", "fullscreenchange"]) addEventListener(event, () => shown && fit());
dialog.querySelector(".start").addEventListener("click", () => on.start(shown));
dialog.querySelector(".play").addEventListener("click", () => on.play(shown));
dialog.querySelector(".add").addEventListener("click", () => {
  status.textContent = texts.picture.added(on.add(shown));
});
dialog.querySelector(".copy").addEventListener("click", async () => {
  status.textContent = texts.picture[await copy(permalink.href) ? "copied" : "notCopied"];
});
