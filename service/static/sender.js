// Takes grades to the service while a person goes on.
//
//     queue -> [sender] -> POST /ratings
//
// What does not arrive stays in the queue and is tried again, later and later; one group is on its way at a time.

import {ask} from "./ask.js";

const GROUP = 4; // grades that wait for company
const FIRST_WAIT_MS = 2_000;
const LONGEST_WAIT_MS = 30_000;

export class Sender {
  #queue; #on; #sending; #timer; #flushed = 0; #wait = FIRST_WAIT_MS;
  /** The service will never take what is left. */
  refused = false;

  /** `on`: {sent(), failed(problem)}, called as it happens. */
  constructor(queue, on) {
    this.#queue = queue;
    this.#on = on;
  }

  /** Send what may be sent; `all` of it also for a group too small, and those held back. */
  async send({all = false} = {}) {
    while (this.#sending) await this.#sending;
    if (this.refused) return;
    clearTimeout(this.#timer);
    const {sealed, settled} = this.#queue.state;
    const end = this.#queue.end(all);
    if (end - settled < (all || sealed > settled ? 1 : GROUP)) return; // sealed and not settled: it failed before
    this.#sending = this.#post(end).finally(() => { this.#sending = undefined; });
    await this.#sending;
  }

  /** All of it at once, because the page may be gone in a moment: whatever is under way is sent again. */
  flush() {
    const end = this.#queue.end(true);
    if (end <= Math.max(this.#queue.state.settled, this.#flushed)) return;
    this.#flushed = end;
    this.#post(end, {keepalive: true});
  }

  async #post(end, options) {
    const grades = this.#queue.seal(end);
    try {
      if (grades.length) await ask("ratings", grades, options);
      this.#queue.settle(end);
      this.#wait = FIRST_WAIT_MS;
      this.#on.sent();
    } catch (error) {
      this.#flushed = 0;
      this.refused = !error.passes;
      if (error.passes) this.#later();
      this.#on.failed(error);
    }
  }

  #later() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send({all: this.#queue.over}), this.#wait);
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT_MS);
  }
}
