// What rounds and runs have in common on the page: their state in words, how far they are, sheets, what the trainer says,
// and a command to copy where there is no trainer.
//
//     learn, round_view, runs, run_request, run_view -> [training_view] -> image, clipboard
//
// Knows no request.

import {baseUrl} from "./api.js";
import {copy} from "./browser.js";
import {loadImage} from "./image.js";
import {texts} from "./texts_training.js";

const HELD = ["taken", "training"];
const OPEN = [...HELD, "waiting", "planned"];
const SILENT_MS = 15_000; // a trainer says something every two seconds
const SEVERITY = {planned: "warn", done: "good", refused: "warn", failed: "bad"};
let silence;

/** Does a trainer work on it? */
export const isHeld = ({state}) => HELD.includes(state);

/** Is it there, and not at its end? */
export const isOpen = one => one !== undefined && OPEN.includes(one.state);

/** How long until it is asked for again. */
export const pauseMs = one => (isOpen(one) ? 1500 : 8000);

/** Fill in the state of a round or a run in these words, and what its trainer says. */
export function fillTraining(part, one, words) {
  const [state, told] = [part.querySelector(".state"), part.querySelector(".told")];
  say(state, words, SEVERITY[one.state] ?? "idle");
  clearTimeout(silence);
  if (isHeld(one)) silence = setTimeout(() => say(state, texts.training.silent, "warn"), SILENT_MS);
  part.querySelector(".reason").textContent = one.reason ?? "";
  told.hidden = one.progress.lines.length === 0;
  told.querySelector("pre").textContent = one.progress.lines.join("\n");
}

/** Say a state in words; a screen reader hears what has changed. */
export function say(element, text, severity) {
  if (element.textContent !== text) element.textContent = text;
  element.className = `state ${severity}`;
}

/** Fill in how far a run is. */
export function fillProgress(part, run) {
  Object.assign(part.querySelector("progress"), {max: run.images_planned, value: run.images_shown});
  part.querySelector(".how-far").textContent = texts.runs.progress(run);
}

/** Fill a list with lines of text. */
export function fillList(list, lines) {
  list.replaceChildren(...lines.map(textContent => Object.assign(document.createElement("li"), {textContent})));
}

/** Show a sheet of a run in an img, which may show it already. */
export function showSheet(image, {url}) {
  if (image.dataset.url !== url) loadImage(image, new URL(url, baseUrl).href);
  image.dataset.url = url;
}

/** Show a command in its box: a whole one that a shell reads as it is meant, quoted by shell.js or by the service. */
export function showCommand(box, text) {
  box.querySelector("pre").textContent = text;
  const button = box.querySelector("button");
  button.textContent ||= texts.training.copy;
  button.onclick = async () => {
    button.textContent = (await copy(text)) ? texts.training.copied : texts.training.notCopied;
    setTimeout(() => { button.textContent = texts.training.copy; }, 2000);
  };
}
