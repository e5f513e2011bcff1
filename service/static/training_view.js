// What rounds and runs have in common on the page: their state in words, what the trainer says, and a command to copy
// where there is no trainer.
//
//     learn, run_request -> [training_view] -> clipboard
//
// Knows no request.

import {copy} from "./browser.js";
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

function say(element, text, severity) {
  if (element.textContent !== text) element.textContent = text;
  element.className = `state ${severity}`;
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
