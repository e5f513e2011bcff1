// Every text that JavaScript shows in Play, so that the page can be translated.
//
//     texts_page -> [texts_play] -> play, play_controls, own_picture
//
// Strings, and small functions that put values into a sentence. Knows neither elements nor requests.

import {texts as ofPage} from "./texts_page.js";

export const texts = {
  ...ofPage,

  instrument: {
    direction: number => `Direction ${number}`,
    right: number => `Direction ${number}, to the right`,
    up: number => `Direction ${number}, upwards`,
    share: share => `${Math.round(100 * share)} %`,
    value: value => `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)}`,
    weightOf: name => `Weight of ${name}`,
    weight: units => `${(units / 10).toFixed(1)} %`,
    oneClass: "Class",
    alt: (index, seed, isMoved) => `Picture ${index} of seed ${seed}${isMoved ? ", moved" : ""}`,
    ownAlt: isMoved => `What the model makes of your picture${isMoved ? ", moved" : ""}`,
    otherCode: (found, name, size) => `The link has a code of ${found} numbers, and ${name} takes ${size}.`,
    back: (index, seed) => `Back to picture ${index} of seed ${seed}`,
    noDirections: name => (
      `The directions of ${name} were not measured, so there is nothing to move it along but its classes, where it has `
      + `some. Where its bundle is: zoetrope benchmark ${name} --write`),
    undone: "Undone.",
    isReset: "This is the picture of the address again.",
    drawing: "Drawing the picture…",
    saved: name => `Saved as ${name}.`,
    copied: "Copied.",
    notCopied: "The browser does not allow copying.",
  },

  ownPicture: {
    encoding: "Finding its code…",
    found: psnr => (
      `The large picture is what the model makes of yours, ${psnr < 15 ? "hardly" : psnr < 22 ? "roughly" : "much"} like it `
      + `(${psnr.toFixed(1)} dB). Move it, or walk from it.`),
    unreadable: name => `${name} is no picture that this browser can read. PNG, JPEG and WebP are.`,
  },
};
