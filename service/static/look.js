// The view Look: an endless grid of pictures by address.
//
//     router -> [look] -> grid, look_tools
//
// The address bar holds all that it shows: model, seed, label, truncation, and the index of the open picture. What is
// done with a picture is in look_tools.js, which comes after the first pictures.

import {parseInteger, parseSheet, randomSeed} from "./address.js";
import {showError} from "./alert.js";
import {classNames, toJson} from "./api.js";
import {firstShown} from "./first.js";
import {PictureGrid} from "./grid.js";
import {loadPart} from "./parts.js";
import {navigate, rememberRoute} from "./router.js";
import {texts} from "./texts_page.js";

const COMMIT_AFTER_MS = 80;
const view = document.getElementById("look");
const form = view.querySelector("form");
const fields = form.elements;
const status = document.getElementById("grid-status");
let route; // the query of the address bar, as texts
let card;
let shown; // the query of the grid
let shownQuery = "";
let clearGridError = () => {};
let tools; // the module, from the moment at which it is here
const toolsShown = Promise.withResolvers();
let showings = 0;

const grid = new PictureGrid(document.getElementById("grid"), {
  open: index => navigate("look", {...route, index}, {state: {opened: true}}),
  failed(error) { clearGridError = showError(error); },
  loaded(n) {
    clearGridError();
    status.textContent = texts.look.loaded(n, route.seed);
    tools?.markTiles();
  },
});

/** Show the view for the query of the address bar; `modelCard` is the card of its model. */
export function show(query, modelCard) {
  if (!query.has("seed")) {
    const label = classNames(modelCard).includes(query.get("label")) ? query.get("label") : undefined;
    navigate("look", {model: query.get("model") ?? modelCard.name, seed: 7, label}, {replace: true});
    return;
  }
  card = modelCard;
  route = {...Object.fromEntries(query), model: query.get("model") ?? card.name};
  delete route.index;
  rememberRoute("look", route.model, route);
  const sheet = parseSheet(query);
  fillForm(sheet);
  shown = {model: `${card.name}@${card.version}`, ...sheet};
  const key = toJson([route.model, shown]);
  if (key !== shownQuery) grid.show(shown, card.image);
  shownQuery = key;
  const index = query.get("index");
  showTools({route, card, sheet, index: index === null ? undefined : parseInteger(index, "index")});
}

/** Called when a person changes to another view. */
export function leave() {
  showings += 1;
  tools?.leave();
}

/** Show what can be done with the pictures: at once where one is open, else when the first ones are here. */
async function showTools(state) {
  const showing = ++showings;
  try {
    if (state.index === undefined) await firstShown;
    tools = await loadPart("look_tools");
    if (showing !== showings) return;
    tools.show(state, {change, grid, status});
    toolsShown.resolve(tools);
  } catch (error) {
    showError(error);
  }
}

function fillForm({seed, label, truncation}) {
  const names = classNames(card);
  fields.label.closest("label").hidden = names.length === 0;
  fields.label.replaceChildren(new Option(texts.look.anyClass, ""), ...names.map(name => new Option(name)));
  fields.label.value = label ?? "";
  if (document.activeElement !== fields.seed) fields.seed.value = seed;
  fields.truncation.value = truncation;
  fields.truncation.nextElementSibling.value = truncation.toFixed(2);
}

function change(changes, options) {
  navigate("look", {...route, ...changes}, options);
}

function useTypedSeed() {
  try {
    change({seed: parseInteger(fields.seed.value, "seed")});
  } catch (error) {
    showError(error);
  }
}

// A key that comes before the tools is theirs once they are here.
view.addEventListener("keydown", async event => (await toolsShown.promise).press(event));
form.addEventListener("submit", event => { event.preventDefault(); useTypedSeed(); });
fields.seed.addEventListener("change", useTypedSeed);
fields.random.addEventListener("click", () => change({seed: randomSeed()}));
fields.label.addEventListener("change", () => change({label: fields.label.value}));
let dragged = false;
let commitTimer;
fields.truncation.addEventListener("pointerdown", () => { dragged = true; });
fields.truncation.addEventListener("input", () => {
  clearTimeout(commitTimer);
  const truncation = Number(fields.truncation.value);
  fields.truncation.nextElementSibling.value = truncation.toFixed(2);
  if (!dragged) return;
  shownQuery = ""; // all else is drawn again when it is released
  grid.show({...shown, truncation}, card.image, {live: true});
});
fields.truncation.addEventListener("change", () => {
  dragged = false;
  clearTimeout(commitTimer); // a key that is held down changes it many times a second
  commitTimer = setTimeout(() => {
    const {value} = fields.truncation;
    change({truncation: Number(value) === 1 ? undefined : value}, {replace: true});
  }, COMMIT_AFTER_MS);
});
