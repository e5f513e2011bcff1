// The view Compare: two models, or versions of one, at the same addresses, with a wipe between them.
//
//     router -> [compare] -> pictures by URL
//
// The address bar holds all that it shows: left, right, seed, index of the first picture, label, truncation, whether one
// picture or a sheet is shown, and where the wipe is. Both are drawn at the size of the left one's pictures.

import {END, imageUrl, parseInteger, parseTruncation, randomSeed, shiftIndex} from "./address.js";
import {showError} from "./alert.js";
import {classNames, fetchCard, fetchModels, modelOptions} from "./api.js";
import {pictureScale} from "./display.js";
import {loadImage, sizeNear, sizeWithin} from "./image.js";
import {navigate} from "./router.js";
import {texts} from "./texts.js";

const MOST_ROWS = 8;
const GAP_PX = 4;
const TILE_PX = {narrow: 72, wide: 96};
const words = texts.compare;
const view = document.getElementById("compare");
const form = view.querySelector("form");
const fields = form.elements;
const [stage, wipe, status, note] = [".wipe", ".wiper input", ".status", ".note"].map(one => view.querySelector(one));
const layers = [...stage.querySelectorAll(".layer")];
const [previous, next] = view.querySelectorAll("[data-pages]");
const modelMenu = document.querySelector("header .model");
let route; // the query of the address bar, as texts
const known = new Map(); // name, or name@version -> promise of its card
let cards = [];
let pictures = {count: 1};
let drawn = "";
let showings = 0;

/** Show the view for the query of the address bar. */
export async function show(query) {
  const showing = ++showings;
  modelMenu.style.visibility = "hidden"; // its place stays
  try {
    const models = await fetchModels();
    if (showing !== showings) return;
    if (!query.get("left") || !query.get("right")) {
      navigate("compare", {seed: 7, ...Object.fromEntries(query), ...defaultPair(models, query)}, {replace: true});
      return;
    }
    route = Object.fromEntries(query);
    fillModels(modelOptions(models));
    const found = await Promise.all([cardOf(route.left), cardOf(route.right)]);
    if (showing === showings) showCards(found);
  } catch (error) {
    showError(error);
  }
}

/** The card of one side. That of a version never changes; the service loads an older one for it, which may take a while. */
function cardOf(model) {
  if (known.has(model)) return known.get(model);
  status.textContent = words.loading(model);
  const card = fetchCard(model);
  if (model.includes("@")) card.then(() => known.set(model, card), () => {});
  return card;
}

function showCards(found) {
  cards = found;
  const address = {
    seed: parseInteger(route.seed ?? 7, "seed"), index: parseInteger(route.index ?? 0, "index"),
    truncation: parseTruncation(route.truncation), label: route.label,
  };
  fillForm(address);
  setWipe(Number(route.wipe ?? 50));
  draw(address);
}

/** Called when a person changes to another view. */
export function leave() {
  modelMenu.style.visibility = "";
  showings += 1;
}

/** Left and right as they are given; by default an older version and the current one, else two models. */
function defaultPair({default: chosen, models}, query) {
  const [left, right] = [query.get("left"), query.get("right")];
  const given = left || right || chosen;
  const older = models.find(({card}) => card.name === given)?.versions[1];
  const other = older ? `${given}@${older}` : models.find(({card}) => card.name !== given)?.card.name ?? given;
  return {left: left || other, right: right || (left ? other : given)};
}

function fillModels(options) {
  for (const side of ["left", "right"]) {
    fields[side].replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    if (!options.some(([value]) => value === route[side])) fields[side].append(new Option(route[side]));
    fields[side].value = route[side];
  }
}

function fillForm({seed, truncation, label}) {
  const names = classNames(cards[0]);
  const shared = names.filter(name => classNames(cards[1]).includes(name));
  fields.label.closest("label").hidden = names.length === 0;
  fields.label.replaceChildren(new Option(texts.look.anyClass, ""), ...(shared.length ? shared : names).map(name => new Option(name)));
  fields.label.value = label ?? "";
  if (document.activeElement !== fields.seed) fields.seed.value = seed;
  fields.truncation.value = truncation;
  fields.truncation.nextElementSibling.value = truncation.toFixed(2);
  fields.single.checked = route.show === "one";
}

/** Draw both layers, unless they show this already. */
function draw(address) {
  pictures = layOut({width: view.clientWidth - 24, height: Math.max(200, innerHeight - 360)});
  const last = shiftIndex(address.index, pictures.count - 1) ?? END - 1n;
  const range = words.range(address.index, last);
  const names = cards.map(({name, version}) => words.name(name, version));
  view.querySelector(".range").textContent = range;
  previous.setAttribute("aria-disabled", address.index === 0n); // not disabled: they would lose the focus
  next.setAttribute("aria-disabled", shiftIndex(address.index, pictures.count) === undefined);
  cards.forEach((card, side) => nameLayer(side, card, words.layer(range, address.seed, names[side])));
  status.textContent = noteOf(address, names);
  note.textContent = [
    ...cards.map(({scores}, side) => words.ratio(names[side], scores.fd_ratio)),
    ...(new Set(cards.map(({scores}) => scores.evaluator_digest).filter(Boolean)).size > 1 ? [words.evaluators] : []),
  ].join(" · ");
  const key = [cards.map(({name, version}) => name + version), ...Object.values(address), JSON.stringify(pictures)].join(" ");
  if (key === drawn) return;
  drawn = key;
  cards.forEach((card, side) => layers[side].replaceChildren(...imagesOf(card, address)));
}

/** Choose how many pictures are shown and how large: {count, columns, width, height}. */
function layOut(room) {
  const {image} = cards[0];
  const single = route.show === "one";
  const tile = pictureScale() * (room.width < 600 ? TILE_PX.narrow : TILE_PX.wide);
  const size = single ? sizeWithin(room, image) : sizeNear(tile, image, room.width);
  const fitting = (length, side) => Math.max(1, Math.floor((length + GAP_PX) / (side + GAP_PX)));
  const columns = single ? 1 : fitting(room.width, size.width);
  const rows = single ? 1 : Math.min(MOST_ROWS, Math.max(2, fitting(room.height, size.height)));
  for (const [name, value] of [["--columns", columns], ["--tile-width", `${size.width}px`], ["--tile-height", `${size.height}px`]]) {
    view.style.setProperty(name, value);
  }
  layers.forEach((layer, side) => {
    const scale = (size.width * devicePixelRatio) / cards[side].image.width;
    layer.classList.toggle("pixels", scale >= 2 || scale === 1); // between, sharp pixels would be of two sizes
  });
  return {count: columns * rows, columns, width: size.width, height: size.height};
}

function nameLayer(side, {name, version}, label) {
  layers[side].setAttribute("aria-label", label);
  const link = view.querySelectorAll(".sides a")[side];
  link.href = `models/${name}@${version}`;
  link.textContent = words.name(name, version);
}

function noteOf({label}, names) {
  if (names[0] === names[1]) return words.same;
  const without = cards.findIndex(card => label !== undefined && !classNames(card).includes(label));
  return without < 0 ? "" : words.noClass(names[without], label);
}

function imagesOf(card, {seed, index, label, truncation}) {
  const {name: model, version} = card;
  const own = classNames(card).includes(label) ? label : undefined;
  return Array.from({length: pictures.count}, (_, at) => shiftIndex(index, at)).filter(at => at !== undefined).map(at => (
    loadImage(Object.assign(new Image(), {alt: ""}), imageUrl({model, version, seed, index: at, label: own, truncation}))));
}

function change(changes, options) {
  navigate("compare", {...route, ...changes}, options);
}

function setWipe(percent) {
  wipe.value = percent;
  stage.style.setProperty("--wipe", `${wipe.value}%`);
  wipe.setAttribute("aria-valuetext", words.wipe(Number(wipe.value)));
}

/** Move the wipe to where a pointer is. */
function follow({clientX}) {
  const {left, width} = stage.getBoundingClientRect();
  setWipe(Math.round((100 * (clientX - left)) / width));
}

function useTypedSeed() {
  try {
    change({seed: parseInteger(fields.seed.value, "seed"), index: undefined});
  } catch (error) {
    showError(error);
  }
}

for (const name of ["left", "right", "label"]) {
  fields[name].addEventListener("change", () => change({[name]: fields[name].value || undefined}));
}
fields.single.addEventListener("change", () => change({show: fields.single.checked ? "one" : undefined}));
fields.swap.addEventListener("click", () => change({left: route.right, right: route.left}));
fields.random.addEventListener("click", () => change({seed: randomSeed(), index: undefined}));
fields.seed.addEventListener("change", useTypedSeed);
form.addEventListener("submit", event => { event.preventDefault(); useTypedSeed(); });
fields.truncation.addEventListener("input", () => { fields.truncation.nextElementSibling.value = Number(fields.truncation.value).toFixed(2); });
fields.truncation.addEventListener("change", () => (
  change({truncation: Number(fields.truncation.value) === 1 ? undefined : fields.truncation.value})));
for (const button of [previous, next]) {
  button.addEventListener("click", () => {
    if (button.getAttribute("aria-disabled") === "true") return;
    const index = parseInteger(route.index ?? 0, "index");
    change({index: shiftIndex(index, Number(button.dataset.pages) * pictures.count) || undefined});
  });
}
wipe.addEventListener("input", () => setWipe(wipe.value));
const keep = () => change({wipe: wipe.value === "50" ? undefined : wipe.value}, {replace: true});
wipe.addEventListener("change", keep);
stage.addEventListener("pointerdown", event => {
  stage.setPointerCapture(event.pointerId);
  follow(event);
});
stage.addEventListener("pointermove", event => { if (stage.hasPointerCapture(event.pointerId)) follow(event); });
stage.addEventListener("pointerup", keep);
let resized;
for (const event of ["resize", "display"]) {
  addEventListener(event, () => {
    clearTimeout(resized);
    resized = setTimeout(() => { if (cards.length && !view.hidden) showCards(cards); }, 100);
  });
}
