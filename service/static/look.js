// The view Look: an endless grid of pictures by address, and a dialog for one of them.
//
//     router -> [look] -> grid, picture_dialog
//
// The address bar holds all that it shows: model, seed, label, truncation, and the index of the open picture.

import {formatAddress, parseInteger, parseTruncation, randomSeed, shiftIndex, viewUrl} from "./address.js";
import {showError} from "./alert.js";
import {baseUrl, classNames, toJson} from "./api.js";
import {showCode} from "./code.js";
import {collected, isCollectKey, nameOf, onCollection, toggle} from "./collected.js";
import {PictureGrid} from "./grid.js";
import {currentKey} from "./key.js";
import * as dialog from "./picture_dialog.js";
import {navigate, recallRoute, rememberRoute} from "./router.js";
import {texts} from "./texts.js";

const COMMAND_PICTURES = 64;
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

const grid = new PictureGrid(document.getElementById("grid"), {
  open: index => navigate("look", {...route, index}, {state: {opened: true}}),
  failed(error) { clearGridError = showError(error); },
  loaded(n) {
    clearGridError();
    status.textContent = texts.look.loaded(n, route.seed);
    markTiles();
  },
});

/** Show the view for the query of the address bar; `modelCard` is the card of its model. */
export function show(query, modelCard) {
  const seed = query.get("seed");
  if (seed === null) {
    const label = classNames(modelCard).includes(query.get("label")) ? query.get("label") : undefined;
    navigate("look", {model: query.get("model") ?? modelCard.name, seed: 7, label}, {replace: true});
    return;
  }
  card = modelCard;
  route = {...Object.fromEntries(query), model: query.get("model") ?? card.name};
  delete route.index;
  rememberRoute("look", route.model, route);
  const parsed = {
    model: route.model, seed: parseInteger(seed, "seed"), label: route.label,
    truncation: parseTruncation(route.truncation),
  };
  fillForm(parsed);
  const key = toJson(parsed) + card.version;
  shown = {...parsed, model: `${card.name}@${card.version}`};
  if (key !== shownQuery) grid.show(shown, card.image);
  shownQuery = key;
  const index = query.get("index");
  document.title = texts.page.title(index === null ? "look" : texts.picture.title(index, seed));
  if (index === null) closeDialog();
  else dialog.open({...parsed, model: card.name, version: card.version, index: parseInteger(index, "index")}, card.image);
}

/** Called when a person changes to another view. */
export function leave() {
  dialog.close();
}

function fillForm({model, seed, label, truncation}) {
  const names = classNames(card);
  fields.label.closest("label").hidden = names.length === 0;
  fields.label.replaceChildren(new Option(texts.look.anyClass, ""), ...names.map(name => new Option(name)));
  fields.label.value = label ?? "";
  if (document.activeElement !== fields.seed) fields.seed.value = seed;
  fields.truncation.value = truncation;
  fields.truncation.nextElementSibling.value = truncation.toFixed(2);
  const body = {model, n: COMMAND_PICTURES, seed, label, truncation: truncation === 1 ? undefined : truncation};
  const needsKey = currentKey() !== undefined;
  showCode(view.querySelector(".code"), {url: `${baseUrl}generate`, body: toJson(body), file: "sheet.png", needsKey});
  view.querySelector(".share").href = viewUrl({...addressAt(0), seed, label, truncation}, COMMAND_PICTURES);
}

/** The address of a picture of the sheet. */
function addressAt(index) {
  const {name: model, version} = card;
  return {
    model, version, seed: parseInteger(route.seed, "seed"), index: BigInt(index), label: route.label,
    truncation: parseTruncation(route.truncation),
  };
}

/** Show which pictures of the sheet are collected. */
function markTiles() {
  if (!card || !route || view.hidden) return;
  const names = new Set(collected());
  for (const tile of view.querySelectorAll(".tile")) {
    tile.classList.toggle("collected", names.has(nameOf(addressAt(tile.dataset.index))));
  }
}

/** Mark a picture, or take the mark away; returns what a person is told. */
function collect(address) {
  try {
    const is = toggle(address);
    return texts.share[is ? "added" : "removed"](collected().length);
  } catch (error) {
    showError(error);
    return "";
  }
}

function closeDialog() {
  const index = dialog.close();
  if (index !== undefined) grid.focus(index);
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

/**
 * Put a picture into the remembered walk, as its start or its end; returns the points of the walk. One that begins with
 * it and has no other picture leads to its neighbour.
 */
function addToWalk(address, place) {
  const points = [recallRoute("walk", route.model).at ?? []].flat();
  const neighbour = {...address, index: shiftIndex(address.index, 1) ?? shiftIndex(address.index, -1)};
  const others = points.length > 1 ? points.slice(1) : [formatAddress(neighbour)];
  const at = place === "start" ? [formatAddress(address), ...others] : [...points, formatAddress(address)];
  rememberRoute("walk", route.model, {...recallRoute("walk", route.model), at});
  return at;
}

dialog.listen({
  closed: () => history.state?.opened ? history.back() : change({}, {replace: true}),
  go: index => change({index}, {replace: true, state: history.state}),
  start: address => { addToWalk(address, "start"); navigate("walk", recallRoute("walk", route.model)); },
  add: address => addToWalk(address, "end").length,
  play: address => navigate("play", {model: route.model, at: formatAddress(address)}),
  collect,
  walk: addresses => navigate("walk", {model: route.model, at: addresses.map(formatAddress)}),
  failed: showError,
});

onCollection(markTiles);
document.getElementById("grid").addEventListener("keydown", event => {
  if (!isCollectKey(event) || !event.target.matches(".tile")) return;
  status.textContent = collect(addressAt(event.target.dataset.index));
});
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
