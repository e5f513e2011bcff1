// What comes first: what the address bar names is requested before the modules that show it are here.
//
//     address bar -> [first] -> api -> grid, start
//
// On a slow line the modules take most of a second, and the first pictures, small ones, come with them and not after
// them. Runs before the document is parsed, so nothing that it imports touches an element. What fails here is requested
// again by the view, which then says so.

import {parseSheet} from "./address.js";
import {classNames, fetchModels, modelOf, request, toJson} from "./api.js";
import {gridLayout} from "./image.js";
import {isSlow} from "./line.js";
import {currentRoute} from "./router.js";

/** The pictures of the opening: the first `n` of a seed. */
export const OPENING = {seed: 7n, n: 9};

/** The views of index.html and style.css, whose first pictures are requested here. */
export const FIRST_VIEWS = ["start", "look"];

// The modules of each view, but for those that index.html names: one that imports another would fetch it too late.
const MODULES = {
  start: ["start"],
  look: ["look", "grid"],
  walk: ["walk", "animation", "code", "display", "player", "shell", "texts", "texts_numbers", "texts_walk"],
  play: [
    "play", "code", "display", "play_controls", "play_draw", "play_state", "shell", "texts", "texts_numbers",
    "texts_play",
  ],
  grade: ["grade", "display", "grade_panel", "grade_queue", "grade_scale", "texts", "texts_grade", "texts_numbers"],
  compare: ["compare", "code", "display", "shell", "texts", "texts_numbers", "texts_walk", "wipe"],
  runs: [
    "runs", "ask_once", "poll", "run_curves", "run_request", "run_view", "shell", "texts_numbers", "texts_training",
    "training_view",
  ],
  collection: ["collection", "code", "collected", "collection_acts", "shell", "texts", "texts_numbers"],
};

let early; // {key, n, sheet: promise of a Blob, of undefined where it failed}
let resolveShown;
/** Resolves when the first pictures are on the page: what can wait for them is fetched after them. */
export const firstShown = new Promise(resolve => { resolveShown = resolve; });
/** Say that the first pictures are on the page. */
export const noteShown = () => resolveShown();

const keyOf = ({model, seed, label, truncation}) => toJson({model, seed, label, truncation});

/** The first pictures of a query where they were requested here, {n, sheet: promise of a Blob}; once. */
export function takeFirst(query) {
  const found = early?.key === keyOf(query) ? early : undefined;
  early = undefined;
  return found;
}

async function requestFirst({view, query}) {
  const all = await fetchModels();
  const name = modelOf(query, all);
  const card = all.models.map(one => one.card).find(one => one.name === name);
  if (!card || !isSlow()) return;
  const {n, seed, label, truncation = 1} = view === "start" ? OPENING : {
    ...parseSheet(query), n: gridLayout(document.documentElement.clientWidth, card.image)?.columns,
  };
  if (!n || (label !== undefined && !classNames(card).includes(label))) return;
  const wanted = {model: `${card.name}@${card.version}`, seed, label, truncation};
  const sheet = request("generate", {...wanted, n, format: "webp"}, {once: true, asksForKey: false}).then(answer => answer.blob());
  early = {key: keyOf(wanted), n, sheet: sheet.catch(() => undefined)};
}

const route = currentRoute();
for (const name of MODULES[route.view] ?? []) {
  const href = new URL(`${name}.js`, import.meta.url).href;
  document.head.append(Object.assign(document.createElement("link"), {rel: "modulepreload", href}));
}
if (FIRST_VIEWS.includes(route.view)) requestFirst(route).catch(() => {});
