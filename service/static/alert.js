// Error banner: what went wrong, visible in every view and announced to screen readers.
//
//     views -> [alert] -> a person
//
// A retryable error is retried after a few seconds, or at once by the button.

import {Problem} from "./api.js";

const RETRY_AFTER_MS = 3000;
const banner = document.getElementById("problem");
const [message, retryButton] = [banner.querySelector("p"), banner.querySelector("button")];
let shown;
let retry;
let timer;

retryButton.addEventListener("click", () => retryNow());

function retryNow() {
  clearTimeout(timer);
  const pending = retry;
  clearError();
  pending?.();
}

/**
 * Show an error. `retryAction` runs again what failed, where the error is retryable.
 * Returns a function that clears this error, unless another one is shown by then.
 */
export function showError(error, retryAction) {
  if (error.name === "AbortError") return () => {};
  clearTimeout(timer);
  shown = error;
  retry = retryAction;
  const retryable = error instanceof Problem && error.retryable && retryAction !== undefined;
  message.textContent = retryable ? `${error.message} Trying again…` : error.message;
  retryButton.hidden = !retryable;
  banner.hidden = false;
  if (retryable) timer = setTimeout(retryNow, RETRY_AFTER_MS);
  return () => { if (shown === error) clearError(); };
}

/** Hide the banner. */
export function clearError() {
  clearTimeout(timer);
  retry = shown = undefined;
  banner.hidden = true;
}
