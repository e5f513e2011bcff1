// The address of a picture: what makes it again, anywhere and for ever.
//
//     place, forms -> [address] -> ask, links
//
// {model, version, seed, index, label?, truncation}: seed and index are BigInt, whole numbers below 2^64. A label
// that is left out is drawn by seed and index, as the service does it.

const END = 1n << 64n;

/** A whole number below 2^64, or an Error that says what was found. */
export function whole(text, what) {
  const digits = String(text).trim();
  if (!/^[0-9]{1,20}$/.test(digits) || BigInt(digits) >= END) {
    throw new Error(`The ${what} is “${digits.slice(0, 40)}”. It must be a whole number from 0 to ${END - 1n}.`);
  }
  return BigInt(digits);
}

/** 0 to 2; 1 where nothing is said. */
export function truncationOf(text) {
  const found = Number(text ?? 1);
  if (!(found >= 0 && found <= 2)) throw new Error(`The truncation is “${text}”. It must be a number from 0 to 2.`);
  return found;
}

/** A seed below 2^53, which every JSON reader keeps. */
export function freshSeed() {
  const words = crypto.getRandomValues(new Uint32Array(2));
  return (BigInt(words[0] & 0x1fffff) << 32n) | BigInt(words[1]);
}

/** The index `steps` away, or undefined past either end. */
export function along(index, steps) {
  const found = index + BigInt(steps);
  return found >= 0n && found < END ? found : undefined;
}

/** The URL of one picture, relative to the page. */
export function urlOf({model, version, seed, index, label, truncation}) {
  const query = new URLSearchParams();
  if (label !== undefined) query.set("label", label);
  if (truncation !== 1) query.set("truncation", truncation);
  const question = `${query}` && `?${query}`;
  return `models/${model}/${version}/images/${seed}/${index}.png${question}`;
}

/** A point of POST /interpolate. */
export const pointOf = ({seed, index, label, truncation}) => ({seed, index, label, truncation});

/** seed/index/truncation/label, the last two only where they say something; and back. */
export function textOf({seed, index, label, truncation}) {
  const more = label !== undefined ? [truncation, label] : truncation !== 1 ? [truncation] : [];
  return [seed, index, ...more].join("/");
}

/** The address that `textOf` wrote. */
export function parse(text) {
  const [seed, index = "0", truncation, ...label] = text.split("/");
  return {
    seed: whole(seed, "seed"), index: whole(index, "index"), truncation: truncationOf(truncation),
    label: label.length ? label.join("/") : undefined,
  };
}
