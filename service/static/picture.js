// One picture, large: its address, its link for ever, and what lies around it.
//
//     look -> [picture] -> walk
//
// Knows no sheet: whoever opens it says what to do when it is closed or a neighbour is wanted.

import {ask, here} from "./ask.js";
import {along, pointOf, urlOf} from "./address.js";
import {copy} from "./clipboard.js";
import {draw, readNpy} from "./npy.js";
import {within} from "./sizes.js";

const NEIGHBOURS = 8;
const PARTS_OF_A_LEG = 5; // a neighbour is one of these parts away

const dialog = document.getElementById("picture");
const [image, title, facts] = ["figure img", "h2", "dl"].map(what => dialog.querySelector(what));
const [permanent, download, said, near] = [".permanent", "[download]", ".said", ".near"].map(what => dialog.querySelector(what));
let shown;
let on;

/** What to do: {closed(), go(index), start(address), add(address), walk(addresses), failed(error)}. */
export function listen(handlers) {
  on = handlers;
}

/** Show the picture at an address; `size` is that of the card. */
export async function open(address, size) {
  shown = address;
  const {width, enlarged} = within({width: Math.min(560, innerWidth - 48), height: innerHeight * 0.8}, size);
  dialog.style.setProperty("--large", `${width}px`);
  dialog.style.setProperty("--aspect", `${size.width} / ${size.height}`);
  dialog.classList.toggle("pixels", enlarged);
  title.textContent = `Picture ${address.index} of seed ${address.seed}`;
  image.alt = title.textContent;
  image.src = permanent.href = download.href = urlOf(address);
  permanent.textContent = new URL(urlOf(address), here).href;
  download.download = `${address.model}-${address.seed}-${address.index}.png`;
  said.textContent = "";
  tellFacts(address);
  for (const button of dialog.querySelectorAll("[data-steps]")) {
    button.disabled = along(address.index, button.dataset.steps) === undefined;
  }
  if (!dialog.open) dialog.showModal();
  await Promise.all([tellClass(address), showNear(address)]).catch(error => on.failed(error));
}

/** Close it, if it is open; the index that it showed. */
export function close() {
  const index = shown?.index;
  shown = undefined;
  if (dialog.open) dialog.close();
  return index;
}

function tellFacts({model, version, truncation}, label) {
  const told = {Model: `${model}, version ${version}`, Class: label, Truncation: String(truncation)};
  facts.replaceChildren(...Object.entries(told).filter(([, value]) => value !== undefined).flatMap(([name, value]) => [
    Object.assign(document.createElement("dt"), {textContent: name}),
    Object.assign(document.createElement("dd"), {textContent: value}),
  ]));
}

async function tellClass(address) {
  const {model, version, seed, index, label, truncation} = address;
  const question = {model: `${model}@${version}`, seed, start: index, label, truncation, format: "json"};
  const {images: [{label: found}]} = await (await ask("generate", question)).json();
  if (shown === address) tellFacts(address, found);
}

/** Eight pictures a step away, each towards another index of the seed. */
async function showNear(address) {
  near.replaceChildren();
  const ends = Array.from({length: NEIGHBOURS}, (_, at) => {
    const index = along(address.index, at + 1) ?? along(address.index, -at - 1);
    return {...address, index};
  });
  // There and back, there and back: all in one question, and every second leg begins here.
  const points = ends.flatMap(end => [pointOf(address), pointOf(end)]);
  const frames = (points.length - 1) * PARTS_OF_A_LEG + 1;
  const question = {model: `${address.model}@${address.version}`, points, frames, format: "npy"};
  const drawn = readNpy(await (await ask("interpolate", question)).arrayBuffer());
  if (shown !== address) return;
  near.replaceChildren(...ends.map((end, at) => {
    const canvas = document.createElement("canvas");
    draw(canvas, drawn, 2 * PARTS_OF_A_LEG * at + 1);
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `Walk to picture ${end.index}`);
    button.append(canvas);
    button.addEventListener("click", () => on.walk([address, end]));
    return button;
  }));
}

function step(steps) {
  const index = along(shown.index, steps);
  if (index !== undefined) on.go(index);
}

dialog.addEventListener("cancel", event => { event.preventDefault(); on.closed(); });
dialog.querySelector(".close").addEventListener("click", () => on.closed());
dialog.addEventListener("click", event => { if (event.target === dialog) on.closed(); });
dialog.querySelector(".steps").addEventListener("click", ({target}) => target.dataset.steps && step(target.dataset.steps));
dialog.addEventListener("keydown", ({key, target}) => {
  if (!target.closest(".near") && (key === "ArrowLeft" || key === "ArrowRight")) step(key === "ArrowLeft" ? -1 : 1);
});
dialog.querySelector(".start").addEventListener("click", () => on.start(shown));
dialog.querySelector(".add").addEventListener("click", () => {
  said.textContent = `The walk has ${on.add(shown)} pictures now.`;
});
dialog.querySelector(".copy").addEventListener("click", async () => {
  said.textContent = await copy(permanent.href) ? "The link is copied." : "Copying is not allowed here; the link is above.";
});
