// Player: moves through frames with time, from a button or the space bar.
//
//     start, walk -> [player] -> frames on a canvas
//
// Knows neither where frames come from nor how they are drawn.

import {isFreeSpace} from "./display.js";
import {texts} from "./texts.js";

/**
 * `button` plays and stops it, and while `view` is shown so does the space bar. Calls `show(frame)`, which returns whether
 * it could show it; a frame that is not fetched yet is waited for. `frame()` is the one to begin with, `frameCount()` the
 * number of all, `rate` frames a second.
 */
export class Player {
  #on; #startedAt; #firstFrame; #request;
  /** Start again at the end? */
  loop = true;

  constructor(on) {
    this.#on = on;
    on.button.addEventListener("click", () => this.toggle());
    document.addEventListener("keydown", event => {
      if (on.view.hidden || on.button.disabled || !isFreeSpace(event)) return;
      event.preventDefault(); // else the page scrolls
      this.toggle();
    });
  }

  get playing() {
    return this.#request !== undefined;
  }

  toggle() {
    if (this.playing) this.stop();
    else this.play();
  }

  /** Play to the end, or until `stop`. */
  play() {
    this.stop();
    [this.#firstFrame, this.#startedAt] = [this.#on.frame(), undefined];
    this.#request = requestAnimationFrame(now => this.#tick(now));
    this.#changed();
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#request);
    this.#request = undefined;
    this.#changed();
  }

  #changed() {
    document.documentElement.classList.toggle("playing", this.playing);
    this.#on.button.textContent = this.playing ? texts.player.pause : texts.player.play;
  }

  #tick(now) {
    const {show, frameCount, rate} = this.#on;
    this.#startedAt ??= now;
    const due = this.#firstFrame + Math.floor(((now - this.#startedAt) * rate) / 1000);
    const end = frameCount();
    if (due >= end && !this.loop) {
      show(end);
      this.stop();
      return;
    }
    const frame = due % Math.max(end, 1);
    if (!show(frame)) [this.#firstFrame, this.#startedAt] = [frame, now];
    this.#request = requestAnimationFrame(next => this.#tick(next));
  }
}
