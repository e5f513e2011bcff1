// Error banner: what went wrong, visible in every view and announced to screen readers; and which models are refused.
//
//     views, loader -> [alert] -> a person
//
// What the loader tries again is shown until it is here, an error until another view is shown or its cause is gone.

import {onFailure, onMissing, wakeAll} from "./loader.js";
import {texts} from "./texts_page.js";

const REFUSED_SHOWN = 5;
const banner = document.getElementById("problem");
const [message, retryButton] = [banner.querySelector("p"), banner.querySelector("button")];
const announcer = document.getElementById("announcer");
const refusedList = document.getElementById("refused");
let failure;
let missing = [];

retryButton.addEventListener("click", wakeAll);
onFailure(error => showError(error));
onMissing(all => {
  missing = all.filter(({problem, tries}) => tries > 1 || problem.retryAfterMs === undefined); // a full queue is short
  render();
});

/** Show an error; returns a function that clears it, unless another one is shown by then. */
export function showError(error) {
  if (error.name === "AbortError") return () => {};
  failure = error;
  render();
  return () => { if (failure === error) clearError(); };
}

/** Hide the error. */
export function clearError() {
  failure = undefined;
  render();
}

function render() {
  const waiting = missing.at(-1)?.problem;
  const text = waiting
    ? texts.page.tryingAgain(waiting.message, [...new Set(missing.map(({what}) => what))].filter(Boolean))
    : failure?.message ?? "";
  if (message.textContent !== text) message.textContent = text;
  retryButton.hidden = !waiting;
  banner.hidden = !text;
}

/** Say something to screen readers alone. */
export function announce(text) {
  if (announcer.textContent !== text) announcer.textContent = text;
}

/** List the bundles that the service refuses, as GET /status names them; hide the list where there are none. */
export function showRefused({refused, refused_count: count}) {
  refusedList.hidden = count === 0;
  refusedList.querySelector("p").textContent = texts.refused.heading(count, REFUSED_SHOWN);
  refusedList.querySelector("ul").replaceChildren(...refused.slice(0, REFUSED_SHOWN).map(refusedItem));
}

function refusedItem({name, reason, served_version: served}) {
  const item = document.createElement("li");
  item.append(
    Object.assign(document.createElement("strong"), {textContent: name}), texts.refused.reason(reason, served));
  return item;
}
