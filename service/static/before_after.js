// Before and after a round: the two versions at the same addresses, with the wipe of Compare.
//
//     learn -> [before_after] -> GET /models/{name} -> wipe
//
// The new version is waited for: the service looks at its folder of models about once a second.

import {fetchCard, fetchModels, request} from "./api.js";
import {hrefFor} from "./router.js";
import {Wipe} from "./wipe.js";

const SEED = 7n;
const LOOK_MS = 700;
const HEIGHT_PX = 320;
let part;
let wipe;
let cards = [];
let shown; // what is shown, or on its way

/** Show a round that is done: "open", or "past" where another version draws; undefined: it is not wanted any more. */
export async function showBeforeAfter(element, {model, before, after}) {
  const key = [model, before, after].join(" ");
  const wanted = () => shown === key;
  shown = key;
  const current = await currentVersion(model, after, wanted);
  if (!wanted()) return undefined;
  if (![before, after].includes(current)) return "past";
  const [left, right] = [before, after].map(version => `${model}@${version}`);
  cards = await Promise.all([fetchCard(left), fetchCard(right)]);
  if (!wanted()) return undefined;
  element.querySelector(".to-compare").href = hrefFor("compare", {left, right, seed: SEED});
  element.hidden = false;
  put(element);
  draw();
  return "open";
}

export function hideBeforeAfter() {
  shown = undefined;
  cards = [];
}

/** The current version, as soon as the service knows of `version`. */
async function currentVersion(model, version, wanted) {
  while (wanted()) {
    const {versions} = await (await request(`models/${encodeURIComponent(model)}`, undefined, {wanted})).json();
    if (versions.includes(version)) {
      await fetchModels({refresh: true});
      return versions[0];
    }
    await new Promise(resolve => setTimeout(resolve, LOOK_MS));
  }
  return undefined;
}

/** The wipe's elements are those of Compare, once more. */
function put(element) {
  if (part) return;
  part = document.querySelector("#compare .compared").cloneNode(true);
  element.prepend(part);
  wipe = new Wipe(part);
  wipe.set(50);
}

function draw() {
  if (!cards.length || !part.checkVisibility()) return;
  const address = {seed: SEED, index: 0n, label: undefined, truncation: 1};
  wipe.show(cards, address, {width: part.parentElement.clientWidth, height: HEIGHT_PX});
}

for (const event of ["resize", "display"]) addEventListener(event, draw);
