// Every text that JavaScript shows in the pages of models, so that the page can be translated.
//
//     texts_page -> [texts_models] -> model_list, model_page, model_summary, model_versions
//
// Strings, and small functions that put values into a sentence. Knows neither elements nor requests.

import {kinds, large, number, percent, plural, size} from "./texts_numbers.js";
import {short, texts as ofPage} from "./texts_page.js";

export const texts = {
  ...ofPage,

  models: {
    number, percent, size, large, short,
    kinds: {...kinds, rated: "A generator that learned from grades"},
    colours: {1: "grey", 3: "colour"},
    scores: {
      fd_ratio: "FD ratio", precision: "precision", recall: "recall", class_agreement: "class agreement",
      usefulness: "usefulness to a classifier", leaks: "leaks",
    },
    score: (name, value) => `${name} ${value}`,
    versions: count => plural(count, "version", "versions"),
    sheet: (n, seed, name) => `The first ${n} pictures of seed ${seed}, drawn by ${name}`,
    picture: (index, name) => `Picture ${index} by ${name}`,
    ofClass: (name, at) => `${name}, picture ${at + 1}`,
    real: value => `real pictures ${value}`,
    interval: (low, high) => `${low} to ${high} with 95 % certainty`,
    tooFew: "too few test pictures to tell from real ones",
    estimate: ({value, low, high}) => `${percent(value)} (${percent(low)} to ${percent(high)})`,
    time: seconds => (seconds < 5400 ? plural(Math.max(1, Math.round(seconds / 60)), "minute", "minutes")
      : `${(seconds / 3600).toFixed(1)} hours`),
    ruler: {real: "real pictures", blurred: "blurred by 1 pixel", noise: "noise", here: "this model"},
    downloading: "Downloading…",
    downloaded: name => `Saved as ${name}. Unpacked into a folder of models, it is served.`,
    changing: "Changing the version…",
    changed: (name, version, served) => `${short(version)} is the current version of ${name} now${served ? "."
      : "; this service takes it up when it looks at its models again."}`,
  },
};
