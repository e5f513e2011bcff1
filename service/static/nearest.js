// Is it copied? The training pictures that the picture of the dialog is nearest to, where the service has an index of them.
//
//     picture_dialog -> [nearest] -> GET /models/.../nearest/...
//
// On one's own machine they are shown at once. Elsewhere they need permission: a person is asked for a key only after
// wanting to see them. Knows no dialog but its part of it.

import {imageUrl, nearestUrl} from "./address.js";
import {request} from "./api.js";
import {isOwnMachine} from "./browser.js";
import {loadImage} from "./image.js";
import {texts} from "./texts.js";

const SHOWN = 4;
const REFUSED = [401, 403];
const words = texts.nearest;
const panel = document.querySelector("#picture .nearest");
const [verdict, list, note] = [".verdict", "ol", ".note"].map(selector => panel.querySelector(selector));
let address; // of the picture in the dialog
let loaded; // the address whose nearest pictures are shown, or asked for
let isWanted = false; // has a person opened it?

/** Show what is near to the picture at an address, or offer to. */
export function show(shown) {
  address = shown;
  if (!isWanted && loaded === undefined) panel.open = isOwnMachine();
  if (panel.open) load();
  else clear("");
}

function clear(said) {
  panel.removeAttribute("aria-busy");
  verdict.textContent = said;
  note.textContent = "";
  list.replaceChildren();
}

async function load() {
  const asked = address;
  if (loaded === asked) return;
  loaded = asked;
  panel.setAttribute("aria-busy", true); // what it shows of the picture before is not seen, and keeps its place
  try {
    const answer = await request(nearestUrl(asked, SHOWN), undefined, {once: true, asksForKey: isWanted});
    const found = await answer.json();
    if (address === asked) render(found);
  } catch (error) {
    if (address !== asked) return;
    loaded = null;
    clear(error.message);
    if (!isWanted && REFUSED.includes(error.status)) panel.open = false; // no person has asked for it
  }
}

function render({likeness, nearest, unseen}) {
  panel.removeAttribute("aria-busy");
  verdict.textContent = words.verdict(likeness, nearest[0].unseen_farther, unseen);
  note.textContent = words.note(unseen);
  const own = loadImage(Object.assign(new Image(), {alt: words.drawnAlt}), imageUrl(address));
  list.replaceChildren(item(own, words.drawn), ...nearest.map(({number, distance_levels: levels, mirrored, png}) => (
    item(Object.assign(new Image(), {alt: words.alt(number, mirrored), src: `data:image/png;base64,${png}`}), words.levels(levels)))));
}

function item(image, caption) {
  const made = document.createElement("li");
  made.append(image, Object.assign(document.createElement("span"), {textContent: caption}));
  return made;
}

panel.querySelector("summary").addEventListener("click", () => { isWanted = true; });
panel.addEventListener("toggle", () => { if (panel.open) load(); });
