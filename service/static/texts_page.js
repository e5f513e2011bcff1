// Every text that JavaScript shows in all views, and in Start and Look, so that the page can be translated.
//
//     [texts_page] -> all modules, texts
//
// A link to one of these views needs no others, so those of the other views are in texts.js. Knows neither elements nor
// requests.

export const short = version => version.slice(0, 6);

export const texts = {
  page: {
    title: view => `Zoetrope · ${view[0].toUpperCase()}${view.slice(1)}`,
    tryingAgain: (message, missing) => (
      `${message} Trying again…${missing.length ? ` Missing: ${missing.join(", ")}.` : ""}`),
    newVersion: (name, version) => `A new version of ${name} is here: ${short(version)}.`,
    shown: (view, model) => `${view[0].toUpperCase()}${view.slice(1)}, ${model}`,
    earlierVersion: (name, version) => `${name}, earlier: ${short(version)}`,
  },

  service: {
    noAnswer: "The service does not answer. Is it running, and is there a connection to it?",
    answered: (status, words) => `The service answered ${status} ${words}.`,
    asksForKey: "The service asks for a key.",
    lasting: message => `${message} Trying again does not help; reload the page when it is mended.`,
  },

  // What does not come while a request is tried again, by the first step of its path.
  missing: {
    pictures: "pictures", generate: "pictures", decode: "pictures", interpolate: "frames", models: "models",
    ratings: "grades", rounds: "rounds", runs: "runs", "run-requests": "runs", module: "a part of the page",
  },

  player: {play: "Play", pause: "Pause"},

  start: {
    lead: (name, pictures) => (pictures
      ? `Here ${name}: it has seen ${pictures.toLocaleString("en")} pictures, and draws new ones like them.`
      : `Here ${name}: it has seen many pictures, and draws new ones like them.`),
    alt: name => `Pictures of ${name} that turn into each other`,
  },

  refused: {
    heading: (count, shown) => {
      const more = count > shown ? `; the first ${shown} of them, and all under /status` : "";
      return `${count === 1 ? "A model is" : `${count} models are`} refused${more}:`;
    },
    reason: (reason, served) => `: ${reason}${served ? ` Version ${short(served)} is drawn meanwhile.` : ""}`,
  },

  address: {
    notInteger: (what, found, largest) => (
      `The ${what} is “${found}”. It must be a whole number from 0 to ${largest}.`),
    notCode: found => `The link has the code “${found}…”. It must be numbers from -100 to 100, with commas between.`,
    notTruncation: found => `The truncation is “${found}”. It must be a number from 0 to 2.`,
  },

  look: {
    anyClass: "any",
    loaded: (n, seed) => `${n} pictures of seed ${seed}`,
    alt: (index, label) => `Picture ${index}${label === undefined ? "" : `, ${label}`}`,
  },
};
