// A batch of pictures to grade: the grades given so far, and their delivery to the service.
//
//     GET /ratings/batch -> [grade_queue] -> POST /ratings
//
// The service does not take a grade back. So the last few grades stay here, and can be undone until others follow.
// Each grade gets an id when it is given (an idempotency key), so a grade that is sent twice is stored once. A grade
// that did not arrive stays in the queue and is sent again, with a growing delay. Knows nothing of the screen.

import {request} from "./api.js";

const UNDOABLE = 5; // grades that are not sent before others follow
const GROUP_SIZE = 4; // grades of one request, at least
const FIRST_DELAY_MS = 2_000;
const MAX_DELAY_MS = 30_000;

/**
 * The pictures and grades of a batch. `state` is plain data, which `store` keeps across reloads:
 * {model, version, grader, pictures, given, sealed, settled}. `given` holds {id, score} of each graded picture and {} of
 * each skipped one; the first `sealed` of them cannot be undone, and the service has stored the first `settled`.
 */
export class GradeQueue {
  #store;

  constructor(state, store) {
    this.state = {given: [], sealed: 0, settled: 0, ...state};
    this.#store = store;
    store(this.state);
  }

  /** Position of the current picture: how many were graded or skipped. */
  get position() {
    return this.state.given.length;
  }

  get length() {
    return this.state.pictures.length;
  }

  /** The picture to grade now; undefined at the end. */
  get picture() {
    return this.state.pictures[this.position];
  }

  get finished() {
    return this.position >= this.length;
  }

  get canUndo() {
    return this.position > this.state.sealed;
  }

  /** Number of grades that the service has not acknowledged yet. */
  get unsent() {
    return this.state.given.slice(this.state.settled).filter(({score}) => score !== undefined).length;
  }

  /** Grade the current picture from 0 to 1, or skip it with undefined. */
  grade(score) {
    if (this.finished) return;
    this.state.given.push(score === undefined ? {} : {id: uuid(), score});
    this.#store(this.state);
  }

  undo() {
    if (!this.canUndo) return;
    this.state.given.pop();
    this.#store(this.state);
  }

  /** End of the grades that may be sent: of all, or without those that can be undone. */
  sendableEnd(all) {
    return Math.max(this.state.sealed, all ? this.position : this.position - UNDOABLE);
  }

  /** The unacknowledged grades before `end`, as POST /ratings takes them. From now on they cannot be undone. */
  seal(end) {
    this.state.sealed = Math.max(this.state.sealed, end);
    this.#store(this.state);
    const {settled, pictures, given, grader} = this.state;
    return given.slice(settled, end).map((one, at) => ({...one, picture: pictures[settled + at]}))
      .filter(({score}) => score !== undefined)
      .map(({id, score, picture: {model, version, seed, index, label, truncation}}) => (
        {id, model, version, seed, index, label, truncation, score, grader}));
  }

  /** The service has stored all grades before `end`. */
  acknowledge(end) {
    this.state.settled = Math.max(this.state.settled, end);
    this.#store(this.state);
  }
}

/** Sends the grades of a queue while a person goes on; one request at a time. */
export class GradeSender {
  #queue; #on; #sending; #timer; #flushedEnd = 0; #delayMs = FIRST_DELAY_MS;
  /** True when the service refused the grades for good. */
  refused = false;

  /** `on`: {sent(), failed(problem)}. */
  constructor(queue, on) {
    this.#queue = queue;
    this.#on = on;
  }

  /** Send what may be sent; `all` includes a group that is too small, and the grades that could still be undone. */
  async send({all = false} = {}) {
    while (this.#sending) await this.#sending;
    if (this.refused) return;
    clearTimeout(this.#timer);
    const {sealed, settled} = this.#queue.state;
    const end = this.#queue.sendableEnd(all);
    const failedBefore = sealed > settled;
    if (end - settled < (all || failedBefore ? 1 : GROUP_SIZE)) return;
    this.#sending = this.#post(end).finally(() => { this.#sending = undefined; });
    await this.#sending;
  }

  /** Send all at once, without waiting: the page may close. Grades of a running request are sent again. */
  flush() {
    const end = this.#queue.sendableEnd(true);
    if (end <= Math.max(this.#queue.state.settled, this.#flushedEnd)) return;
    this.#flushedEnd = end;
    this.#post(end, {keepalive: true});
  }

  async #post(end, options) {
    const grades = this.#queue.seal(end);
    try {
      if (grades.length) await request("ratings", grades, options);
      this.#queue.acknowledge(end);
      this.#delayMs = FIRST_DELAY_MS;
      this.#on.sent();
    } catch (error) {
      this.#flushedEnd = 0;
      this.refused = !error.retryable && !error.needsKey;
      if (error.retryable) this.#retryLater();
      this.#on.failed(error);
    }
  }

  #retryLater() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send({all: this.#queue.finished}), this.#delayMs);
    this.#delayMs = Math.min(2 * this.#delayMs, MAX_DELAY_MS);
  }
}

/** A random UUID. Over plain HTTP browsers hide `crypto.randomUUID`. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
