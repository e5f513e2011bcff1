// A batch of pictures to grade, and the grades given so far.
//
//     GET /ratings/batch -> [queue] -> sender -> POST /ratings
//
// A grade that was sent stays: the service takes none back. So the last few are held back, and can be undone until
// others follow. Every grade has an id of its own from the beginning, so what is sent twice is kept once. Knows
// neither the screen nor HTTP.

const HELD_BACK = 5;

/** `state` is plain data, so that it can be kept: {model, version, grader, pictures, given, sealed, settled}. */
export class Queue {
  #keep;

  constructor(state, keep) {
    this.state = {given: [], sealed: 0, settled: 0, ...state};
    this.#keep = keep;
    keep(this.state);
  }

  /** How many were graded or skipped; the number of the picture that is next. */
  get at() {
    return this.state.given.length;
  }

  get length() {
    return this.state.pictures.length;
  }

  /** The picture to grade now; undefined at the end. */
  get picture() {
    return this.state.pictures[this.at];
  }

  get over() {
    return this.at >= this.length;
  }

  get canUndo() {
    return this.at > this.state.sealed;
  }

  /** How many grades the service has not acknowledged yet. */
  get unsent() {
    return this.state.given.slice(this.state.settled).filter(({score}) => score !== undefined).length;
  }

  /** Grade the picture from 0 to 1, or skip it with nothing. */
  give(score) {
    if (this.over) return;
    this.state.given.push(score === undefined ? {} : {id: uuid(), score});
    this.#keep(this.state);
  }

  undo() {
    if (!this.canUndo) return;
    this.state.given.pop();
    this.#keep(this.state);
  }

  /** How many of the first may be sent: `all`, or without those held back. */
  end(all) {
    return Math.max(this.state.sealed, all ? this.at : this.at - HELD_BACK);
  }

  /** The grades up to `end` that are not acknowledged, as POST /ratings wants them; none of them can be undone now. */
  seal(end) {
    this.state.sealed = Math.max(this.state.sealed, end);
    this.#keep(this.state);
    const {settled, pictures, given, grader} = this.state;
    return given.slice(settled, end).map((one, at) => ({...one, picture: pictures[settled + at]}))
      .filter(({score}) => score !== undefined)
      .map(({id, score, picture: {model, version, seed, index, label, truncation}}) => (
        {id, model, version, seed, index, label, truncation, score, grader}));
  }

  /** The service has all up to `end`. */
  settle(end) {
    this.state.settled = Math.max(this.state.settled, end);
    this.#keep(this.state);
  }
}

/** A random UUID, also on a page that came over plain HTTP, where browsers hide the function for it. */
function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
