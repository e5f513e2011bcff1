// Every text that JavaScript shows, in one place and by view, so that the page can be translated.
//
//     texts_page -> [texts] -> all other views
//
// Strings, and small functions that put values into a sentence. What every view needs, and the first ones, is in
// texts_page.js; most other views have a file of their own, texts_*.js; what never changes is in index.html and
// views.html. Knows neither elements nor requests.

import {percent, plural} from "./texts_numbers.js";
import {texts as ofPage} from "./texts_page.js";

export const texts = {
  ...ofPage,

  display: {
    size: percent => `${percent} %`,
    sizeIs: percent => `Pictures at ${percent} % of their usual size`,
    smooth: "Enlarged pictures are smooth",
    sharp: "Enlarged pictures have sharp pixels",
    fullScreen: "Full screen",
    leaveFullScreen: "Leave full screen",
    notFullScreen: "The browser does not allow full screen here.",
  },

  picture: {
    title: (index, seed) => `Picture ${index} of seed ${seed}`,
    facts: {model: "Model", class: "Class", truncation: "Truncation"},
    modelVersion: (model, version) => `${model}, version ${version}`,
    walkTo: index => `Walk to picture ${index}`,
    added: count => `The walk has ${plural(count, "picture", "pictures")} now.`,
    copied: "The link is copied.",
    notCopied: "The browser does not allow copying; the link is above.",
  },

  nearest: {
    verdict: (likeness, farther, {near}) => `${{
      copy: "It is a copy of a training picture.",
      near: "It may be a copy of a training picture: look at both.",
      new: "By its pixels it is no copy.",
    }[likeness]} Its nearest training picture is closer than ${percent(farther)} of real pictures that the model never saw are to `
      + `theirs${near === null ? ", and of those too few are known to tell more" : ""}.`,
    note: ({median}) => (
      `Below each: how far its pixels are, as a root mean square in levels of 0 to 255. Of real pictures that the model never `
      + `saw, half are farther than ${median.toFixed(1)} from the nearest.`),
    drawn: "this one",
    drawnAlt: "The picture that was drawn",
    levels: levels => levels.toFixed(1),
    alt: (number, mirrored) => `Training picture ${number}${mirrored ? ", mirrored" : ""}`,
  },

  share: {
    language: "Language",
    languages: {curl: "curl", python: "Python", javascript: "JavaScript (Node)"},
    code: "Code",
    copy: "Copy",
    copied: "Copied",
    notCopied: "The browser does not allow copying.",
    drawing: "Drawing the pictures…",
    saved: name => `Saved as ${name}.`,
    linkCopied: count => `A link to ${plural(count, "picture", "pictures")} is copied.`,
    count: count => `${plural(count, "picture", "pictures")} collected`,
    nothing: "Nothing is collected yet: open a picture in Look, and collect it.",
    picture: (index, seed, model) => `picture ${index} of seed ${seed}, ${model}`,
    remove: picture => `Remove ${picture}`,
    removed: count => `Removed; ${plural(count, "picture", "pictures")} left.`,
    collect: "Collect",
    collected: "Collected",
    added: count => `Collected; ${plural(count, "picture", "pictures")} now.`,
    kept: "They are in your collection now.",
    full: most => `A collection has up to ${most} pictures; remove some first.`,
    notPicture: found => `The link names “${found}”, which is no picture: model@version/seed/index is expected.`,
  },
};
