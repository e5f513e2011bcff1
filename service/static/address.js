// Address of a picture: all that is needed to draw the same picture again.
//
//     router, forms -> [address] -> api, links
//
// {model, version, seed, index, label?, truncation}: seed and index are BigInt, integers below 2^64. Without a label
// the service draws the class by seed and index. A point of a walk may have a `code` in place of an address.

import {texts} from "./texts_page.js";

export const END = 1n << 64n;

/** Parse an integer below 2^64; the Error says what was found and what is allowed. */
export function parseInteger(text, what) {
  const digits = String(text).trim();
  if (!/^[0-9]{1,20}$/.test(digits) || BigInt(digits) >= END) {
    throw new Error(texts.address.notInteger(what, digits.slice(0, 40), END - 1n));
  }
  return BigInt(digits);
}

/** Parse a truncation, 0 to 2; 1 by default. */
export function parseTruncation(text) {
  const found = Number(text ?? 1);
  if (!(found >= 0 && found <= 2)) throw new Error(texts.address.notTruncation(text));
  return found;
}

/** {seed, label, truncation} of the query of a sheet of pictures. */
export const parseSheet = query => ({
  seed: parseInteger(query.get("seed") ?? 7, "seed"), label: query.get("label") ?? undefined,
  truncation: parseTruncation(query.get("truncation") ?? 1),
});

/** A random seed below 2^53, which every JSON parser reads exactly. */
export function randomSeed() {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(words[0] & 0x1fffff) << 32n) | BigInt(words[1]);
}

/** index + offset, or undefined outside the range of indices. */
export function shiftIndex(index, offset) {
  const found = index + BigInt(offset);
  return found >= 0n && found < END ? found : undefined;
}

/** The URL of one picture, relative to the service's root; `more`: further names and values of its query. */
export const imageUrl = (address, more) => `models/${placeOf(address, "images/")}.png${queryOf(address, more)}`;

/** The URL of its code. */
export const codeUrl = address => `models/${placeOf(address, "codes/")}${queryOf(address)}`;

/** The URL of the `k` training pictures that it is nearest to. */
export const nearestUrl = (address, k) => `models/${placeOf(address, "nearest/")}${queryOf(address, {k})}`;

/** The URL of a page to share: of one picture, or of a sheet of `n`. */
export const viewUrl = (address, n) => `view/${placeOf(address, "")}${n ? `/${n}` : ""}${queryOf(address)}`;

const placeOf = ({model, version, seed, index}, what) => `${model}/${version}/${what}${seed}/${index}`;

function queryOf({label, truncation}, more = {}) {
  const query = new URLSearchParams();
  if (label !== undefined) query.set("label", label);
  if (truncation !== 1) query.set("truncation", truncation);
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return `${query}` && `?${query}`;
}

/** A point of POST /interpolate. */
export const toPoint = ({seed, index, label, truncation, code}) => ({seed, index, label, truncation, code});

/** seed/index/truncation/label, the last two only where they differ from the default; of a code code/0.5,-1.2/label. */
export function formatAddress({seed, index, label, truncation, code}) {
  if (code) return ["code", code.join(","), ...(label === undefined ? [] : [label])].join("/");
  const more = label !== undefined ? [truncation, label] : truncation !== 1 ? [truncation] : [];
  return [seed, index, ...more].join("/");
}

/** The address that `formatAddress` wrote, without model and version. */
export function parseAddress(text) {
  const [seed, index = "0", truncation, ...label] = text.split("/");
  return {
    seed: parseInteger(seed, "seed"), index: parseInteger(index, "index"), truncation: parseTruncation(truncation),
    label: label.length ? label.join("/") : undefined,
  };
}

/** The address, or {code, label}, that `formatAddress` wrote. */
export function parsePoint(text) {
  if (!text.startsWith("code/")) return parseAddress(text);
  const [, numbers, ...label] = text.split("/");
  const code = numbers.split(",").map(Number);
  if (!code.every(number => Math.abs(number) <= 100)) throw new Error(texts.address.notCode(numbers.slice(0, 40)));
  return {code, label: label.length ? label.join("/") : undefined};
}
