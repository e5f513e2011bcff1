// What is done with the pictures of Look: one is opened, collected, put into a walk; their code and their page.
//
//     look -> [look_tools] -> picture_dialog, code, collected -> walk, play
//
// Comes after the first pictures. Knows the grid's tiles, and no more of it.

import {formatAddress, shiftIndex, viewUrl} from "./address.js";
import {showError} from "./alert.js";
import {baseUrl, toJson} from "./api.js";
import {currentKey} from "./browser.js";
import {showCode} from "./code.js";
import {collected, isCollectKey, nameOf, onCollection, toggle} from "./collected.js";
import * as dialog from "./picture_dialog.js";
import {navigate, recallRoute, rememberRoute} from "./router.js";
import {texts} from "./texts.js";

const COMMAND_PICTURES = 64;
const view = document.getElementById("look");
let shown; // what Look shows: {route, card, sheet: {seed, label, truncation}, index: of the open picture}
let look; // {change(changes, options), grid, status}

/** Show what Look shows now; `parts` are its own. */
export function show(state, parts) {
  [shown, look] = [state, parts];
  showCommand();
  markTiles();
  if (shown.index === undefined) closeDialog();
  else dialog.open(addressAt(shown.index), shown.card.image);
}

/** A key on a tile, which may have gone since. */
export function press(event) {
  if (!isCollectKey(event) || !event.target.matches("#grid .tile")) return;
  look.status.textContent = collect(addressAt(event.target.dataset.index));
}

/** Called when a person changes to another view. */
export function leave() {
  dialog.close();
}

/** The address of a picture of the sheet. */
const addressAt = index => ({
  model: shown.card.name, version: shown.card.version, index: BigInt(index), ...shown.sheet,
});

function showCommand() {
  const {route, sheet: {seed, label, truncation}} = shown;
  const body = {model: route.model, n: COMMAND_PICTURES, seed, label, truncation: truncation === 1 ? undefined : truncation};
  const needsKey = currentKey() !== undefined;
  showCode(view.querySelector(".code"), {url: `${baseUrl}generate`, body: toJson(body), file: "sheet.png", needsKey});
  view.querySelector(".share").href = viewUrl(addressAt(0), COMMAND_PICTURES);
}

/** Show which pictures of the sheet are collected. */
export function markTiles() {
  if (!shown || view.hidden) return;
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
  if (index !== undefined) look.grid.focus(index);
}

/**
 * Put a picture into the remembered walk, as its start or its end; returns the points of the walk. One that begins with
 * it and has no other picture leads to its neighbour.
 */
function addToWalk(address, place) {
  const {model} = shown.route;
  const points = [recallRoute("walk", model).at ?? []].flat();
  const neighbour = {...address, index: shiftIndex(address.index, 1) ?? shiftIndex(address.index, -1)};
  const others = points.length > 1 ? points.slice(1) : [formatAddress(neighbour)];
  const at = place === "start" ? [formatAddress(address), ...others] : [...points, formatAddress(address)];
  rememberRoute("walk", model, {...recallRoute("walk", model), at});
  return at;
}

dialog.listen({
  closed: () => history.state?.opened ? history.back() : look.change({}, {replace: true}),
  go: index => look.change({index}, {replace: true, state: history.state}),
  start: address => { addToWalk(address, "start"); navigate("walk", recallRoute("walk", shown.route.model)); },
  add: address => addToWalk(address, "end").length,
  play: address => navigate("play", {model: shown.route.model, at: formatAddress(address)}),
  collect,
  walk: addresses => navigate("walk", {model: shown.route.model, at: addresses.map(formatAddress)}),
  failed: showError,
});
onCollection(markTiles);
