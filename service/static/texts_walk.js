// Every text that JavaScript shows in Walk and in Compare, so that the page can be translated.
//
//     texts -> [texts_walk] -> walk, compare, wipe
//
// Strings, and small functions that put values into a sentence. Knows neither elements nor requests.

import {texts as others} from "./texts.js";
import {number} from "./texts_numbers.js";
import {short} from "./texts_page.js";

export const texts = {
  ...others,

  walk: {
    needsTwo: "A walk needs two pictures: add another one here, or choose one in Look.",
    position: (percent, from, to) => `${percent} % of the way from picture ${from} to picture ${to}`,
    point: (number, index, seed) => `picture ${number}, index ${index} of seed ${seed}`,
    ownPoint: number => `picture ${number}, of your own`,
    goTo: point => `Go to ${point}`,
    earlier: point => `Earlier: ${point}`,
    remove: point => `Remove ${point}`,
    later: point => `Later: ${point}`,
    drawing: "Drawing the animation…",
    saved: name => `Saved as ${name}.`,
    full: most => `A walk has up to ${most} pictures; remove one first.`,
  },

  compare: {
    name: (name, version) => `${name} ${short(version)}`,
    range: (first, last) => (first === last ? `Picture ${first}` : `Pictures ${first} to ${last}`),
    layer: (range, seed, name) => `${range} of seed ${seed}, drawn by ${name}`,
    wipe: left => `${left} % of the left, ${100 - left} % of the right`,
    loading: name => `Loading ${name}…`,
    same: "Left and right are the same version: choose another one to see a difference.",
    noClass: (name, label) => `${name} has no class ${label}, and draws its own.`,
    evaluators: "Different evaluators measured them, so their FD ratios do not compare.",
    ratio: (name, ratio) => `${name}: ${ratio === null ? "not evaluated" : `FD ratio ${number(ratio)}`}`,
  },
};
