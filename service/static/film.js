// The frames of a walk, fetched leg by leg before they are shown.
//
//     walk -> [film] -> POST /interpolate -> npy -> canvas
//
// A leg leads from one picture to the next. Legs that were fetched are kept, so adding a picture fetches what is new.
// Knows no address bar and no clock.

import {ask} from "./ask.js";
import {pointOf, textOf} from "./address.js";
import {readNpy} from "./npy.js";

/** 1.5 s at 30 frames a second. */
export const LEG_FRAMES = 45;
export const FRAMES_PER_SECOND = 30;
const MOST_KEPT = 64; // as many as a walk may have points
const MOST_ANIMATION_FRAMES = 1024;

const kept = new Map();

/** The legs of a walk past `addresses`: pairs of two. */
export function legsOf(addresses, loop) {
  const ends = loop && addresses.length > 1 ? [...addresses, addresses[0]] : addresses;
  return ends.slice(1).map((end, at) => [ends[at], end]);
}

/** The frames of one leg, both ends with it: a promise, the same one for the same leg. */
export function framesOf([from, to]) {
  const key = [from.model, from.version, textOf(from), textOf(to)].join(" ");
  const found = kept.get(key) ?? fetchFrames(from, to);
  kept.delete(key);
  kept.set(key, found); // the last used stand last
  found.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) if (kept.size > MOST_KEPT) kept.delete(oldest);
  return found;
}

async function fetchFrames(from, to) {
  const points = [pointOf(from), pointOf(to)];
  const question = {model: `${from.model}@${from.version}`, points, frames: LEG_FRAMES + 1, format: "npy"};
  return readNpy(await (await ask("interpolate", question)).arrayBuffer());
}

/** The whole walk as an animated WebP: a Blob. */
export async function animationOf(addresses, loop) {
  const legs = legsOf(addresses, loop).length;
  const frames = Math.min(legs * LEG_FRAMES + (loop ? 0 : 1), MOST_ANIMATION_FRAMES);
  const question = {
    model: `${addresses[0].model}@${addresses[0].version}`, points: addresses.map(pointOf), loop, frames,
    frames_per_second: FRAMES_PER_SECOND, format: "webp",
  };
  return (await ask("interpolate", question)).blob();
}
