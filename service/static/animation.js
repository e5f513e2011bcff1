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
const MAX_ANIMATION_PIXELS = 1 << 24;

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

/**
 * The query of the whole walk: of its animation, and of its page. `image`: {width, height} of a picture; `size`: of the
 * longest side of an enlarged one. It lasts as long as it plays here, with fewer frames where they would be too many.
 */
export function animationQuery(addresses, loop, image, size) {
  const segments = segmentsOf(addresses, loop).length;
  const wanted = segments * SEGMENT_FRAMES + (loop ? 0 : 1);
  const times = size ? Math.max(1, Math.ceil(size / Math.max(image.width, image.height) - 0.5)) : 1;
  const most = Math.floor(MAX_ANIMATION_PIXELS / (image.width * image.height * times ** 2));
  const pairs = [
    ...addresses.map(address => ["at", formatAddress(address)]),
    ["frames", Math.max(2, Math.min(wanted, MAX_ANIMATION_FRAMES, most))], ["seconds", wanted / FRAMES_PER_SECOND],
    ["spacing", "change"],
    ...(loop ? [["loop", "true"]] : []), ...(times > 1 ? [["size", size]] : []),
  ];
  return pairs.map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`).join("&");
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
