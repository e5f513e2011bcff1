// Polling: asks again and again while the page is seen, and hands on what has changed.
//
//     runs, run_request, learn -> [poll] -> api
//
// A service that is away is asked until it is back.

import {request} from "./api.js";

export class Poll {
  #path; #show; #pauseMs; #failed; #options; #timer; #seen; #isOn = false; #looks = 0;

  /** `show(answer)` gets what has changed; `failed(error)` an error that lasts, which ends it. `asksForKey`: see request. */
  constructor({path, show, pauseMs, failed, asksForKey = true}) {
    [this.#path, this.#show, this.#pauseMs, this.#failed, this.#options] = [path, show, pauseMs, failed, {asksForKey}];
    document.addEventListener("visibilitychange", () => this.now());
  }

  /** Begin from nothing: the first answer is handed on. */
  start() {
    this.#isOn = true;
    this.#seen = undefined;
    return this.now();
  }

  stop() {
    this.#isOn = false;
    this.#looks += 1;
    clearTimeout(this.#timer);
  }

  /** Ask at once. */
  async now() {
    clearTimeout(this.#timer);
    const looking = ++this.#looks;
    const wanted = () => looking === this.#looks;
    if (!this.#isOn || document.hidden) return;
    try {
      const path = this.#path();
      const text = await (await request(path, undefined, {...this.#options, wanted})).text();
      if (!wanted()) return;
      const answer = JSON.parse(text);
      this.#timer = setTimeout(() => this.now(), this.#pauseMs(answer));
      const isNew = this.#seen !== path + text;
      this.#seen = path + text;
      if (isNew) this.#show(answer);
    } catch (error) {
      if (wanted()) this.#failed(error);
    }
  }
}
