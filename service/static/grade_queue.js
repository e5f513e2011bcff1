// A batch of pictures to grade: the grades given so far, and their delivery to the service.
//
//     GET /ratings/batch -> [grade_queue] -> POST /ratings
//
// The service does not take a grade back. So the last few grades stay here, and can be undone until others follow or a
// person pauses. Each picture of a batch has an id (an idempotency key), so its grade is stored once, however often it
// is sent and by however many windows. A grade that did not arrive stays in the queue and is sent again, with a growing
// delay. Knows nothing of the screen.

import {request, toJson} from "./api.js";
import {uuid} from "./browser.js";

const UNDOABLE = 5; // grades that are not sent before others follow
const GROUP_SIZE = 4; // grades of one request, at least
const PAUSE_MS = 15_000; // after it all grades are sent
const FIRST_DELAY_MS = 1_000;
const MAX_DELAY_MS = 30_000;
const MAX_KEPT_ALIVE = 50_000; // characters: browsers send 64 KiB for a page that is closed

/**
 * The pictures and grades of a batch. `state` is plain data, which `storage` keeps across reloads and shares between
 * windows ({load(), store(state)}): {model, version, grader, pictures, given, revision, sealed, settled}. `given` holds
 * {score} of each graded picture and {} of each skipped one; `revision` counts its changes; the first `sealed` of them
 * cannot be undone, and the service has stored the first `settled`.
 */
export class GradeQueue {
  #storage;

  constructor(state, storage) {
    const pictures = state.pictures.map(picture => ({id: uuid(), ...picture}));
    this.state = {given: [], revision: 0, sealed: 0, settled: 0, ...state, pictures};
    this.#storage = storage;
    storage.store(this.state);
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

  /** Is this a state of the same batch, in this window or another one? */
  isOf(state) {
    return state?.pictures?.[0]?.id === this.state.pictures[0].id;
  }

  /** Take over what another window has done; returns whether another picture is the current one now. */
  sync() {
    const other = this.#storage.load();
    if (!this.isOf(other)) return false;
    const {position, state} = this;
    if (other.revision > state.revision) Object.assign(state, {given: other.given, revision: other.revision});
    for (const mark of ["sealed", "settled"]) state[mark] = Math.min(Math.max(state[mark], other[mark]), this.position);
    return position !== this.position;
  }

  #change(change) {
    this.sync();
    change(this.state);
    this.#storage.store(this.state);
  }

  /** Grade the current picture from 0 to 1, or skip it with undefined. */
  grade(score) {
    if (this.finished) return;
    this.#change(state => { state.revision += 1; state.given.push(score === undefined ? {} : {score}); });
  }

  undo() {
    if (!this.canUndo) return;
    this.#change(state => { state.revision += 1; state.given.pop(); });
  }

  /** End of the grades that may be sent: of all, or without those that can be undone. */
  sendableEnd(all) {
    return Math.max(this.state.sealed, all ? this.position : this.position - UNDOABLE);
  }

  /** The unacknowledged grades before `end`, as POST /ratings takes them. */
  gradesBefore(end) {
    const {settled, pictures, given, grader} = this.state;
    return given.slice(settled, end).map((one, at) => ({...pictures[settled + at], ...one}))
      .filter(({score}) => score !== undefined)
      .map(({id, model, version, seed, index, label, truncation, score}) => (
        {id, model, version, seed, index, label, truncation, score, grader}));
  }

  /** From now on the grades before `end` cannot be undone: they are sent. */
  seal(end) {
    this.#change(state => { state.sealed = Math.max(state.sealed, end); });
  }

  /** The service has stored all grades before `end`. */
  acknowledge(end) {
    this.#change(state => { state.settled = Math.max(state.settled, end); });
  }
}

/** Sends the grades of a queue while a person goes on; one request at a time. */
export class GradeSender {
  #queue; #on; #sending; #timer; #pauseTimer; #flushedEnd = 0; #delayMs = FIRST_DELAY_MS;
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
    clearTimeout(this.#pauseTimer);
    const {sealed, settled} = this.#queue.state;
    const end = this.#queue.sendableEnd(all);
    const failedBefore = sealed > settled;
    if (this.#queue.unsent) this.#pauseTimer = setTimeout(() => this.send({all: true}), PAUSE_MS);
    if (end - settled < (all || failedBefore ? 1 : GROUP_SIZE)) return;
    this.#sending = this.#post(end, {once: true}).finally(() => { this.#sending = undefined; });
    await this.#sending;
  }

  /** Send all at once, without waiting: the page may close. Grades of a running request are sent again. */
  flush() {
    if (this.refused) return;
    let end = this.#queue.sendableEnd(true);
    const {settled} = this.#queue.state;
    while (toJson(this.#queue.gradesBefore(end)).length > MAX_KEPT_ALIVE) end = Math.floor((end + settled) / 2);
    if (end <= Math.max(settled, this.#flushedEnd)) return;
    this.#flushedEnd = end;
    this.#post(end, {keepalive: true});
  }

  async #post(end, options) {
    this.#queue.seal(end);
    const grades = this.#queue.gradesBefore(end);
    try {
      if (grades.length) await request("ratings", grades, options);
      this.#queue.acknowledge(end);
      this.#delayMs = FIRST_DELAY_MS;
      this.#on.sent();
    } catch (error) {
      this.#flushedEnd = 0;
      this.refused = !error.retryable && !error.needsKey;
      if (error.retryable) this.#retryLater(error);
      this.#on.failed(error);
    }
  }

  #retryLater({retryAfterMs}) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.send({all: this.#queue.finished}), retryAfterMs ?? this.#delayMs);
    this.#delayMs = Math.min(2 * this.#delayMs, MAX_DELAY_MS);
  }
}
