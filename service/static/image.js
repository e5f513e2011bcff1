// Pictures on the screen: loaded by their URL, npy frames drawn on a canvas, and the size at which a picture is shown.
//
//     URL, POST /interpolate -> [image] -> img, canvas        card -> [image] -> grid, picture_dialog, walk, grade_panel
//
// A small picture is enlarged by a whole number of device pixels, so that its own pixels stay square and even; the
// browser scales down one that is larger than its place.

import {imageUrl} from "./address.js";
import {request} from "./api.js";
import {currentKey, load} from "./browser.js";
import {reportFailure} from "./loader.js";

const NARROW_PX = 600;
const TILE_WIDTH_PX = {narrow: 84, wide: 112};
const COLUMNS_AT_MOST = 16; // tiles grow on larger screens
const wanted = new WeakMap(); // img -> the URL that it shows

/** Load a picture of the service into an img, which itself sends no API key; returns the img. It is tried until it is here. */
export function loadImage(image, url) {
  wanted.set(image, url);
  image.onerror = () => fetchInto(image, url, false);
  if (currentKey() === undefined) setSource(image, url);
  else fetchInto(image, url, true);
  return image;
}

/** Load the picture of an address, or of a code, which has no URL, into an img; returns the img. */
export function loadPoint(image, address) {
  if (address.code) loadCode(image, address).catch(reportFailure);
  else loadImage(image, imageUrl(address));
  return image;
}

async function loadCode(image, {model, version, code, label}) {
  const body = {model: `${model}@${version}`, codes: [code], label, format: "png"};
  setSource(image, URL.createObjectURL(await (await request("decode", body)).blob()));
}

function setSource(image, url) {
  if (image.src.startsWith("blob:")) URL.revokeObjectURL(image.src);
  image.src = url;
}

/** Fetch what the img could not load; then it loads it from the browser's cache, or, if that fails too, from memory. */
async function fetchInto(image, url, intoMemory) {
  image.onerror = null;
  try {
    const isWanted = () => wanted.get(image) === url && image.isConnected;
    const picture = await (await request(url, undefined, {wanted: isWanted})).blob();
    if (wanted.get(image) !== url) return;
    image.onerror = intoMemory ? null : () => fetchInto(image, url, true);
    setSource(image, intoMemory ? URL.createObjectURL(picture) : url);
  } catch (error) {
    reportFailure(error);
  }
}

/** Is this picture wanted in the img, complete, and at least a third of it within the window? */
export function isInSight(image, url) {
  if (wanted.get(image) !== url || !image.complete || !image.naturalWidth || document.hidden) return false;
  const {top, bottom, left, right, width, height} = image.getBoundingClientRect();
  const seen = (start, end, room) => Math.max(0, Math.min(end, room) - Math.max(start, 0));
  return width > 0 && 3 * seen(top, bottom, innerHeight) * seen(left, right, innerWidth) >= width * height;
}

/** Parse an npy file of uint8 (frames, height, width, channels): {n, height, width, channels, pixels}. */
export function parseNpy(buffer) {
  const headerBytes = new DataView(buffer).getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, 10, headerBytes));
  const [n, height, width, channels] = header.match(/'shape': \(([^)]*)\)/)[1].split(",").map(Number);
  return {n, height, width, channels, pixels: new Uint8Array(buffer, 10 + headerBytes)};
}

/** Draw frame `at` on a canvas, which takes the size of the frame. */
export function drawFrame(canvas, {height, width, channels, pixels}, at) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  const frame = context.createImageData(width, height);
  const first = at * height * width * channels;
  for (let pixel = 0; pixel < height * width; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      frame.data[4 * pixel + channel] = pixels[first + pixel * channels + (channels === 3 ? channel : 0)];
    }
    frame.data[4 * pixel + 3] = 255;
  }
  context.putImageData(frame, 0, 0);
}

/** Pixels between the pictures of a sheet, and between the frames of a strip. */
export const SHEET_GAP = 2;

/** Draw frame `at` of a strip, which has all frames side by side, on a canvas, which takes the size of a frame. */
export function drawOfStrip(canvas, strip, at, {width, height}) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  canvas.getContext("2d").drawImage(strip, at * (width + SHEET_GAP), 0, width, height, 0, 0, width, height);
}

/** Resolves when two frames have been drawn: what was changed before is on the screen. */
export const painted = () => new Promise(resolve => {
  requestAnimationFrame(() => requestAnimationFrame(resolve));
});

/** How many times its usual size a picture may have. */
export const SCALES = [0.5, 0.75, 1, 1.5, 2, 3, 4];
export const USUAL_SCALE = SCALES.indexOf(1);

/** How many times its usual size a picture has, as a person has chosen. */
export const pictureScale = () => SCALES[load("size") ?? USUAL_SCALE];

/** {columns, width, height, enlarged} of the grid of Look, in CSS pixels; undefined where there is no room. */
export function gridLayout(widthPx, image) {
  const room = widthPx - 24;
  if (room <= 0) return undefined;
  const target = room < NARROW_PX ? TILE_WIDTH_PX.narrow : Math.max(TILE_WIDTH_PX.wide, room / COLUMNS_AT_MOST);
  const size = sizeNear(Math.min(target * pictureScale(), room), image, room);
  return {...size, columns: Math.max(1, Math.floor((room + 4) / (size.width + 4)))};
}

/** {width, height, enlarged} in CSS pixels, about `target` wide and at most `room`. */
export function sizeNear(target, image, room = Infinity) {
  const scale = Math.max(1, Math.round((target * devicePixelRatio) / image.width)) / devicePixelRatio;
  return scaled(image, image.width * scale > Math.min(1.5 * target, room) ? target / image.width : scale);
}

/** {width, height, enlarged} in CSS pixels, as large as fits into `room`: {width, height}. */
export function sizeWithin(room, image) {
  const largest = Math.min(room.width / image.width, room.height / image.height);
  const integral = Math.floor(largest * devicePixelRatio) / devicePixelRatio;
  return scaled(image, integral > 0 ? integral : largest);
}

/** Show `element` as large as fits into `room`; its view shows sharp pixels where the picture is enlarged. */
export function fitElement(element, view, room, image) {
  const {width, height, enlarged} = sizeWithin(room, image);
  Object.assign(element.style, {width: `${width}px`, height: `${height}px`});
  view.classList.toggle("pixels", enlarged);
  view.style.setProperty("--aspect", `${image.width} / ${image.height}`);
}

const scaled = ({width, height}, scale) => ({width: width * scale, height: height * scale, enlarged: scale >= 1});
