// How everything is shown: the size of pictures, sharp or smooth, full screen; and the list of keys.
//
//     a person -> [display] -> grid, walk, grade_panel, style
//
// The choice is stored in the browser. A change is announced by the event "display". Its keys work over an open
// picture too, and over no other dialog. Knows no view.

import {announce} from "./alert.js";
import {load, store} from "./browser.js";
import {SCALES, USUAL_SCALE as USUAL} from "./image.js";
import {texts} from "./texts.js";

export {pictureScale} from "./image.js";
const root = document.documentElement;
const panel = document.getElementById("display");
const keysDialog = document.getElementById("keys");
const picture = document.getElementById("picture");
const [smaller, larger, size, smooth, fullScreen, keysOn] =
  [".smaller", ".larger", "output", "[name=smooth]", ".full-screen"].map(selector => panel.querySelector(selector))
    .concat(keysDialog.querySelector("[name=on]"));
let at = load("size") ?? USUAL;

/** May single keys be used in a view, or has a person switched them off? */
export const keysAreOn = () => keysOn.checked && !document.querySelector("dialog[open]");

/** Is this key for the element that has the focus, or for the browser? */
export function isTyped({target, ctrlKey, metaKey, altKey, defaultPrevented}) {
  return ctrlKey || metaKey || altKey || defaultPrevented || target.matches("select, textarea, input:not([type=range], [type=checkbox])");
}

/** Is this the space bar, which presses no control here? */
export const isFreeSpace = event => event.key === " " && !event.repeat && !isTyped(event) && keysAreOn()
  && !event.target.closest("button, a, summary, input:not([type=range])");

/** Do the keys of this module work here? */
const ownKeysAreOn = () => keysOn.checked && !document.querySelector("dialog[open]:not(#picture)");

/** Say what has changed; a screen reader hears nothing from behind an open picture. */
function say(text) {
  if (picture.open) picture.querySelector(".status").textContent = text;
  else announce(text);
}

function resize(step) {
  if (picture.open) return; // it is as large as fits
  at = Math.min(Math.max(at + step, 0), SCALES.length - 1);
  store("size", at === USUAL ? undefined : at);
  announce(texts.display.sizeIs(100 * SCALES[at]));
  render();
  dispatchEvent(new Event("display"));
}

function setSmooth(on) {
  smooth.checked = on;
  store("smooth", on || undefined);
  say(on ? texts.display.smooth : texts.display.sharp);
  render();
}

function render() {
  size.value = texts.display.size(100 * SCALES[at]);
  smaller.setAttribute("aria-disabled", at === 0);
  larger.setAttribute("aria-disabled", at === SCALES.length - 1);
  root.classList.toggle("smooth", smooth.checked);
  fullScreen.textContent = document.fullscreenElement ? texts.display.leaveFullScreen : texts.display.fullScreen;
}

/** Fill the screen with the open picture, or with the page; or leave it again. */
async function toggleFullScreen() {
  const element = picture.open ? picture.querySelector("figure") : root;
  try {
    await (document.fullscreenElement === element ? document.exitFullscreen() : element.requestFullscreen());
  } catch {
    say(texts.display.notFullScreen);
  }
}

const ACTIONS = {
  "?": () => keysDialog.showModal(),
  "+": () => resize(1),
  "=": () => resize(1), // the same key without shift
  "-": () => resize(-1),
  p: () => setSmooth(!smooth.checked),
  f: toggleFullScreen,
};

smooth.checked = load("smooth") ?? false;
keysOn.checked = load("keys") ?? true;
render();
smaller.addEventListener("click", () => resize(-1));
larger.addEventListener("click", () => resize(1));
smooth.addEventListener("change", () => setSmooth(smooth.checked));
fullScreen.hidden = !document.fullscreenEnabled;
fullScreen.addEventListener("click", toggleFullScreen);
document.addEventListener("fullscreenchange", render);
panel.querySelector(".list-keys").addEventListener("click", () => keysDialog.showModal());
keysOn.addEventListener("change", () => store("keys", keysOn.checked ? undefined : false));
keysDialog.querySelector(".close").addEventListener("click", () => keysDialog.close());
for (const control of panel.querySelectorAll(":disabled")) control.disabled = false; // they did nothing until now
document.addEventListener("keydown", event => {
  if (event.key === "Escape" && !event.target.closest("dialog")) closePanels(event.target);
  const key = event.key.toLowerCase();
  if (isTyped(event) || !ownKeysAreOn() || !Object.hasOwn(ACTIONS, key)) return;
  event.preventDefault();
  ACTIONS[key]();
});

/** Close the panels that are open, but for the one that `target` is in; with Escape that one too. */
function closePanels(target, keep) {
  for (const details of document.querySelectorAll(".menu[open]")) {
    if (details === keep) continue;
    if (details.contains(target)) details.querySelector("summary").focus();
    details.open = false;
  }
}
// But for a dialog, which gives the focus back.
const leave = ({target}) => target.closest("dialog") ?? closePanels(document.body, target.closest(".menu"));
for (const event of ["click", "focusin"]) document.addEventListener(event, leave);
