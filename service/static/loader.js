// Loader: whatever the page fetches is tried until it is here.
//
//     api, image, app -> [loader] -> alert
//
// What may succeed later (no connection, 503, a restart) is tried again after a delay that grows, or after the one that
// the service asks for; at once when the connection is back, when a person comes back to the page or asks for it. Says
// what is missing meanwhile. What the service refuses until an operator acts, an error of its own words without a delay,
// is given up after a few tries, and a person is told. Knows no request and no element.

import {texts} from "./texts_page.js";

const MOST_LASTING = 5; // tries in a row: six seconds, in which a bundle may be replaced
const FIRST_DELAY_MS = 400;
const MAX_DELAY_MS = 10_000;
const MAX_ASKED_DELAY_MS = 60_000;
const missing = new Set(); // of {what, problem, tries, wake}
let report = () => {};
/** Calls what shows an error to a person; none where a page has nothing for it. */
export let reportFailure = () => {};

/**
 * An error in words for a person. `status` is the HTTP status, 0 where there was no response; `needsKey` says that the
 * same request is answered with an API key that this browser does not have; `retryAfterMs` is what the service asks for;
 * `isLasting` says that the service itself sees no end of it.
 */
export class Problem extends Error {
  constructor(status, message, {retryAfterMs, isLasting = false} = {}) {
    super(message);
    Object.assign(this, {status, retryAfterMs, isLasting, needsKey: false});
  }

  /** Can the same request succeed later? */
  get retryable() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/**
 * Run `attempt` until it succeeds or fails for good. `what` names it for a person; `wanted` says whether its result is
 * still of use, and is asked before each further try. Throws what `attempt` throws, or an AbortError.
 */
export async function persist(attempt, {what, signal, wanted = () => true} = {}) {
  const entry = {what, tries: 0};
  let lasting = 0; // tries
  try {
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, MAX_DELAY_MS)) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Problem && error.retryable)) throw error;
        entry.tries += 1;
        lasting = error.isLasting ? lasting + 1 : 0;
        if (lasting === MOST_LASTING) throw new Problem(error.status, texts.service.lasting(error.message));
        await waitFor(entry, error, Math.min(error.retryAfterMs ?? delayMs, MAX_ASKED_DELAY_MS), signal);
        if (!wanted()) throw new DOMException("", "AbortError");
      }
    }
  } finally {
    if (missing.delete(entry)) report(missing);
  }
}

function waitFor(entry, problem, delayMs, signal) {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const timer = setTimeout(resolve, delayMs);
    Object.assign(entry, {problem, wake: () => { clearTimeout(timer); resolve(); }});
    signal?.addEventListener("abort", () => { clearTimeout(timer); reject(signal.reason); }, {once: true});
    missing.add(entry);
    report(missing);
  });
}

/** Call `listener` with all that is tried again, [{what, problem, tries}], whenever that changes. */
export function onMissing(listener) {
  report = all => listener([...all]);
}

/** Call `listener` with each error of something that no view waits for. */
export function onFailure(listener) {
  reportFailure = listener;
}

/** Try everything again now. */
export function wakeAll() {
  for (const {wake} of missing) wake();
}

addEventListener("online", wakeAll);
document.addEventListener("visibilitychange", () => { if (!document.hidden) wakeAll(); });
