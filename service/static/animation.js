// Animation of a walk: its frames, fetched ahead, and the query of all of it.
//
//     walk -> [animation] -> POST /interpolate -> frames -> walk
//
// A segment leads from one picture to the next. Fetched segments are cached, so adding a picture fetches only what is
// new. A preview is every third frame of a segment as one JPEG: in colour a thirtieth of the exact bytes. Knows no address
// bar and no canvas.

import {formatAddress, toPoint} from "./address.js";
import {request} from "./api.js";
import {parseNpy} from "./image.js";

/** 1.5 s at 30 frames a second; the service spaces them so that each differs from the next by about as much. */
export const SEGMENT_FRAMES = 45;
export const FRAMES_PER_SECOND = 30;
const FRAMES_PER_PREVIEW = 3; // frames of the segment for which one of its preview stands
const CACHED_SEGMENTS = 64; // as many as a walk can have pictures
const MAX_ANIMATION_FRAMES = 1024;
const MAX_ANIMATION_PIXELS = 1 << 24;

const [cache, previews] = [new Map(), new Map()]; // key -> promise of frames, least recently used first

/** The segments of a walk through `addresses`: pairs of addresses. */
export function segmentsOf(addresses, loop) {
  const ends = loop && addresses.length > 1 ? [...addresses, addresses[0]] : addresses;
  return ends.slice(1).map((end, at) => [ends[at], end]);
}

/** Promise of the frames of one segment, both ends included; cached. */
export const fetchFrames = segment => cached(cache, segment, async () => (
  parseNpy(await (await interpolate(segment, SEGMENT_FRAMES + 1, "npy")).arrayBuffer())));

/** Promise of its preview, an ImageBitmap of frames side by side; cached. */
export const fetchPreview = segment => cached(previews, segment, async () => (
  createImageBitmap(await (await interpolate(segment, SEGMENT_FRAMES / FRAMES_PER_PREVIEW + 1, "jpeg")).blob())));

/** The number of the preview's frame for one of the segment. */
export const previewFrame = offset => Math.round(offset / FRAMES_PER_PREVIEW);

/** Are the frames of a segment fetched, or on their way? */
export const isCached = segment => cache.has(keyOf(segment));

const keyOf = ([from, to]) => [from.model, from.version, formatAddress(from), formatAddress(to)].join(" ");

function cached(kept, segment, fetch) {
  const key = keyOf(segment);
  const found = kept.get(key) ?? fetch();
  kept.delete(key);
  kept.set(key, found); // now the most recently used
  found.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) if (kept.size > CACHED_SEGMENTS) kept.delete(oldest);
  return found;
}

const interpolate = ([from, to], frames, format) => request("interpolate", {
  model: `${from.model}@${from.version}`, points: [toPoint(from), toPoint(to)], frames, spacing: "change", format,
});

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
