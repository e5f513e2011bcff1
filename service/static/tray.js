// Tray: the collection at the lower edge of Look and Walk, and what can be done with it.
//
//     collected -> [tray] -> collection_acts
//
// Hidden as long as nothing is collected.

import {clear, collected, onCollection, parseName, remove} from "./collected.js";
import {enableActs, listenToActs, pictureLink, wordsOf} from "./collection_acts.js";
import {hrefFor} from "./router.js";
import {texts} from "./texts.js";

const tray = document.getElementById("tray");
const [list, count, open, status] = ["ol", ".count", ".open", ".status"].map(selector => tray.querySelector(selector));

/** Say something in the tray. */
export function say(text) {
  status.textContent = text;
}

function render() {
  const names = collected();
  tray.hidden = !names.length;
  count.textContent = texts.share.count(names.length);
  open.href = hrefFor("collection", {at: names});
  enableActs(tray, names);
  const shown = new Map([...list.children].map(item => [item.dataset.name, item]));
  list.replaceChildren(...names.map(name => shown.get(name) ?? itemOf(name)));
}

function itemOf(name) {
  const item = document.createElement("li");
  item.dataset.name = name;
  const address = parseName(name);
  const button = Object.assign(document.createElement("button"), {type: "button", textContent: "×"});
  button.setAttribute("aria-label", texts.share.remove(wordsOf(address)));
  button.addEventListener("click", () => {
    const next = item.nextElementSibling ?? item.previousElementSibling;
    remove(name);
    next?.querySelector("button").focus();
    say(texts.share.removed(collected().length));
  });
  item.append(pictureLink(address), button);
  return item;
}

listenToActs(tray, collected, say);
tray.querySelector(".clear").addEventListener("click", clear);
onCollection(render);
render();
