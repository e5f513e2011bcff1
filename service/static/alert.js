// What went wrong, said where everybody sees and hears it.
//
//     views -> [alert] -> a person
//
// What may pass is tried again by itself, and at once where somebody presses the button.

import {Problem} from "./ask.js";

const AGAIN_MS = 3000;
const box = document.getElementById("problem");
const [words, again] = [box.querySelector("p"), box.querySelector("button")];
let told;
let retry;
let timer;

again.addEventListener("click", () => attempt());

function attempt() {
  clearTimeout(timer);
  const wanted = retry;
  clear();
  wanted?.();
}

/**
 * Say what went wrong. `retry` does it again: by a button, and by itself where the problem may pass.
 * Gives a function that takes it back, unless something else went wrong since.
 */
export function tell(error, retryIt) {
  if (error.name === "AbortError") return () => {};
  clearTimeout(timer);
  told = error;
  retry = retryIt;
  const passes = error instanceof Problem && error.passes && retryIt !== undefined;
  words.textContent = passes ? `${error.message} Trying again…` : error.message;
  again.hidden = !passes;
  box.hidden = false;
  if (passes) timer = setTimeout(attempt, AGAIN_MS);
  return () => { if (told === error) clear(); };
}

/** Nothing is wrong. */
export function clear() {
  clearTimeout(timer);
  retry = told = undefined;
  box.hidden = true;
}
