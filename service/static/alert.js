// Error banner: what went wrong, visible in every view and announced to screen readers; and which models are refused.
//
//     views -> [alert] -> a person
//
// A retryable error is retried after a few seconds, or at once by the button.

import {Problem} from "./api.js";
import {texts} from "./texts.js";

const RETRY_AFTER_MS = 3000;
const REFUSED_SHOWN = 5;
const banner = document.getElementById("problem");
const [message, retryButton] = [banner.querySelector("p"), banner.querySelector("button")];
const refusedList = document.getElementById("refused");
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
  message.textContent = retryable ? texts.page.tryingAgain(error.message) : error.message;
  retryButton.hidden = !retryable;
  banner.hidden = false;
  if (retryable) timer = setTimeout(retryNow, RETRY_AFTER_MS);
  return () => { if (shown === error) clearError(); };
}

/** List the bundles that the service refuses, as GET /status names them; hide the list where there are none. */
export function showRefused({refused, refused_count: count}) {
  refusedList.hidden = count === 0;
  refusedList.querySelector("p").textContent = texts.refused.heading(count, REFUSED_SHOWN);
  refusedList.querySelector("ul").replaceChildren(...refused.slice(0, REFUSED_SHOWN).map(({name, reason, served_version: served}) => {
    const item = document.createElement("li");
    const title = document.createElement("strong");
    title.textContent = name;
    item.append(title, texts.refused.reason(reason, served));
    return item;
  }));
}

/** Hide the banner. */
export function clearError() {
  clearTimeout(timer);
  retry = shown = undefined;
  banner.hidden = true;
}
