// Look: an endless sheet of pictures by address, and one of them large.
//
//     place -> [look] -> sheet, picture
//
// All that it shows stands in the address bar: model, seed, label, truncation, and the index of the picture that is
// open.

import * as picture from "./picture.js";
import {tell} from "./alert.js";
import {freshSeed, textOf, truncationOf, whole} from "./address.js";
import {here, written} from "./ask.js";
import {classNames} from "./cards.js";
import {go, recall, remember} from "./place.js";
import {Sheet} from "./sheet.js";

const COMMAND_PICTURES = 64;
const view = document.getElementById("look");
const form = view.querySelector("form");
const fields = form.elements;
const said = document.getElementById("sheet-said");
let shown; // what the address bar asks for, as texts
let card;
let showing = "";
let well = () => {};

const sheet = new Sheet(document.getElementById("sheet"), {
  open: index => go("look", {...shown, index}, {state: {opened: true}}),
  failed(error, retry) { well = tell(error, retry); },
  filled(n) {
    well();
    said.textContent = `${n} pictures of seed ${shown.seed}`;
  },
});

/** Show what `query` asks for of the model of `ofModel`. */
export function show(query, ofModel) {
  const seed = query.get("seed");
  if (seed === null) {
    const label = classNames(ofModel).includes(query.get("label")) ? query.get("label") : undefined;
    go("look", {model: query.get("model") ?? ofModel.name, seed: 7, label}, {replace: true});
    return;
  }
  card = ofModel;
  shown = {...Object.fromEntries(query), model: query.get("model") ?? card.name};
  delete shown.index;
  remember("look", shown.model, shown);
  const asked = {
    model: shown.model, seed: whole(seed, "seed"), label: shown.label, truncation: truncationOf(shown.truncation),
  };
  fill(asked);
  const text = written(asked) + card.version;
  if (text !== showing) sheet.show({...asked, model: `${card.name}@${card.version}`}, card.image);
  showing = text;
  const index = query.get("index");
  if (index === null) closePicture();
  else picture.open({...asked, model: card.name, version: card.version, index: whole(index, "index")}, card.image);
}

/** The view is left. */
export function leave() {
  picture.close();
}

function fill({model, seed, label, truncation}) {
  const names = classNames(card);
  fields.label.closest("label").hidden = names.length === 0;
  fields.label.replaceChildren(new Option("any", ""), ...names.map(name => new Option(name)));
  fields.label.value = label ?? "";
  if (document.activeElement !== fields.seed) fields.seed.value = seed;
  fields.truncation.value = truncation;
  fields.truncation.nextElementSibling.value = truncation.toFixed(2);
  const question = {model, n: COMMAND_PICTURES, seed, label, truncation: truncation === 1 ? undefined : truncation};
  view.querySelector("pre").textContent =
    `curl -X POST ${here}generate -H 'content-type: application/json' -d '${written(question)}' -o sheet.png`;
}

function closePicture() {
  const index = picture.close();
  if (index !== undefined) sheet.tile(index)?.focus();
}

function change(changes, options) {
  go("look", {...shown, ...changes}, options);
}

function takeSeed() {
  try {
    change({seed: whole(fields.seed.value, "seed")});
  } catch (error) {
    tell(error);
  }
}

function walkWith(address, place) {
  const points = [recall("walk", shown.model).at ?? []].flat();
  const at = place === "start" ? [textOf(address), ...points.slice(1)] : [...points, textOf(address)];
  remember("walk", shown.model, {...recall("walk", shown.model), at});
  return at;
}

picture.listen({
  closed: () => history.state?.opened ? history.back() : change({}, {replace: true}),
  go: index => change({index}, {replace: true, state: history.state}),
  start: address => { walkWith(address, "start"); go("walk", recall("walk", shown.model)); },
  add: address => walkWith(address, "end").length,
  walk: addresses => go("walk", {model: shown.model, at: addresses.map(textOf)}),
  failed: tell,
});

form.addEventListener("submit", event => { event.preventDefault(); takeSeed(); });
fields.seed.addEventListener("change", takeSeed);
fields.fresh.addEventListener("click", () => change({seed: freshSeed()}));
fields.label.addEventListener("change", () => change({label: fields.label.value}));
let dialled;
fields.truncation.addEventListener("input", () => {
  cancelAnimationFrame(dialled);
  dialled = requestAnimationFrame(() => {
    const {value} = fields.truncation;
    change({truncation: Number(value) === 1 ? undefined : value}, {replace: true});
  });
});
document.addEventListener("click", ({target}) => {
  const details = form.querySelector("details");
  if (details.open && !details.contains(target)) details.open = false;
});
