// A place on a walk that moves with time.
//
//     walk -> [player] -> walk
//
// Knows frames by their number alone. Where the next frame has not come yet, it waits.

/** Calls `show(frame)`, which tells whether it could; `frames()` tells how many there are before it ends. */
export class Player {
  #show; #frames; #rate; #began; #first; #request;

  constructor({show, frames, rate, changed}) {
    [this.#show, this.#frames, this.#rate, this.changed] = [show, frames, rate, changed];
  }

  get playing() {
    return this.#request !== undefined;
  }

  /** From this frame on, until the end or `stop`; `again` begins anew at the end. */
  play(frame, again) {
    this.stop();
    this.again = again;
    this.#first = frame;
    this.#began = undefined;
    this.#request = requestAnimationFrame(now => this.#tick(now));
    this.changed();
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#request);
    this.#request = undefined;
    this.changed();
  }

  #tick(now) {
    this.#began ??= now;
    const wanted = this.#first + Math.floor(((now - this.#began) * this.#rate) / 1000);
    const end = this.#frames();
    if (wanted >= end && !this.again) {
      this.#show(end);
      this.stop();
      return;
    }
    const frame = wanted % Math.max(end, 1);
    if (!this.#show(frame)) [this.#first, this.#began] = [frame, now];
    this.#request = requestAnimationFrame(next => this.#tick(next));
  }
}
