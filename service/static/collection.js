// The view Collection: pictures that a link names, of any models, and what can be done with them.
//
//     router -> [collection] -> collected, collection_acts
//
// The address bar holds all of them, as at=model@version/seed/index, so the link shows everyone the same.

import {showError} from "./alert.js";
import {currentKey} from "./browser.js";
import {showCode} from "./code.js";
import {MAX_COLLECTED, add, collected, onCollection, parseName} from "./collected.js";
import {codeOf, enableActs, listenToActs, pictureLink} from "./collection_acts.js";
import {texts} from "./texts.js";

const view = document.getElementById("collection");
const [list, title, status, keepButton] =
  ["ol", ".count", ".status", ".keep"].map(selector => view.querySelector(selector));
let names = [];

/** Show the pictures of the address bar; without any those that this browser has collected. */
export function show(query) {
  names = [...new Set(query.has("at") ? query.getAll("at") : collected())].slice(0, MAX_COLLECTED);
  const items = names.map(name => {
    const item = document.createElement("li");
    item.append(pictureLink(parseName(name)));
    return item;
  });
  list.replaceChildren(...items);
  title.textContent = names.length ? texts.share.count(names.length) : texts.share.nothing;
  enableActs(view, names);
  view.querySelector("details").hidden = !names.length;
  if (names.length) showCode(view.querySelector(".code"), {...codeOf(names), needsKey: currentKey() !== undefined});
  status.textContent = "";
  renderKeep();
}

function renderKeep() {
  const own = new Set(collected());
  keepButton.hidden = names.every(name => own.has(name));
}

keepButton.addEventListener("click", () => {
  try {
    add(names);
    status.textContent = texts.share.kept;
  } catch (error) {
    showError(error);
  }
});
listenToActs(view, () => names, text => { status.textContent = text; });
onCollection(renderKeep);
