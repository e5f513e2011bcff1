// Animation of a walk: frames fetched ahead, and a player that moves through them.
//
//     walk -> [animation] -> POST /interpolate -> frames -> walk
//
// A segment leads from one picture to the next. Fetched segments are cached, so adding a picture fetches only what is
// new. Knows no address bar and no canvas.

import {formatAddress, toPoint} from "./address.js";
import {request} from "./api.js";
import {parseNpy} from "./image.js";

/** 1.5 s at 30 frames a second; the service spaces them so that each differs from the next by about as much. */
export const SEGMENT_FRAMES = 45;
export const FRAMES_PER_SECOND = 30;
const CACHED_SEGMENTS = 64; // as many as a walk can have pictures
const MAX_ANIMATION_FRAMES = 1024;

const cache = new Map(); // key -> promise of frames, least recently used first

/** The segments of a walk through `addresses`: pairs of addresses. */
export function segmentsOf(addresses, loop) {
  const ends = loop && addresses.length > 1 ? [...addresses, addresses[0]] : addresses;
  return ends.slice(1).map((end, at) => [ends[at], end]);
}

/** Promise of the frames of one segment, both ends included; cached. */
export function fetchFrames([from, to]) {
  const key = [from.model, from.version, formatAddress(from), formatAddress(to)].join(" ");
  const frames = cache.get(key) ?? interpolate(from, to);
  cache.delete(key);
  cache.set(key, frames); // now the most recently used
  frames.catch(() => cache.delete(key));
  for (const oldest of cache.keys()) if (cache.size > CACHED_SEGMENTS) cache.delete(oldest);
  return frames;
}

async function interpolate(from, to) {
  const points = [toPoint(from), toPoint(to)];
  const body = {
    model: `${from.model}@${from.version}`, points, frames: SEGMENT_FRAMES + 1, spacing: "change", format: "npy",
  };
  return parseNpy(await (await request("interpolate", body)).arrayBuffer());
}

/** The whole walk as an animated WebP: a Blob. */
export async function fetchAnimation(addresses, loop) {
  const segments = segmentsOf(addresses, loop).length;
  const frames = Math.min(segments * SEGMENT_FRAMES + (loop ? 0 : 1), MAX_ANIMATION_FRAMES);
  const body = {
    model: `${addresses[0].model}@${addresses[0].version}`, points: addresses.map(toPoint), loop, frames,
    frames_per_second: FRAMES_PER_SECOND, spacing: "change", format: "webp",
  };
  return (await request("interpolate", body)).blob();
}

/**
 * Moves through frame numbers with time. Calls `show(frame)`, which returns whether it could show it; a frame that is
 * not fetched yet is waited for. `frameCount()` gives the number of frames, `changed()` is called when it starts or stops.
 */
export class Player {
  #show; #frameCount; #rate; #changed; #startedAt; #firstFrame; #request;
  /** Start again at the end? */
  loop = false;

  constructor({show, frameCount, rate, changed}) {
    [this.#show, this.#frameCount, this.#rate, this.#changed] = [show, frameCount, rate, changed];
  }

  get playing() {
    return this.#request !== undefined;
  }

  /** Play from this frame to the end, or until `stop`. */
  play(frame, loop) {
    this.stop();
    this.loop = loop;
    this.#firstFrame = frame;
    this.#startedAt = undefined;
    this.#request = requestAnimationFrame(now => this.#tick(now));
    this.#changed();
  }

  stop() {
    if (!this.playing) return;
    cancelAnimationFrame(this.#request);
    this.#request = undefined;
    this.#changed();
  }

  #tick(now) {
    this.#startedAt ??= now;
    const due = this.#firstFrame + Math.floor(((now - this.#startedAt) * this.#rate) / 1000);
    const end = this.#frameCount();
    if (due >= end && !this.loop) {
      this.#show(end);
      this.stop();
      return;
    }
    const frame = due % Math.max(end, 1);
    if (!this.#show(frame)) [this.#firstFrame, this.#startedAt] = [frame, now];
    this.#request = requestAnimationFrame(next => this.#tick(next));
  }
}
