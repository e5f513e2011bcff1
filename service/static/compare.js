// The view Compare: two models, or versions of one, at the same addresses, with a wipe between them.
//
//     router -> [compare] -> wipe -> pictures by URL
//
// The address bar holds all that it shows: left, right, seed, index of the first picture, label, truncation, whether one
// picture or a sheet is shown, and where the wipe is.

import {parseInteger, parseTruncation, randomSeed, shiftIndex} from "./address.js";
import {showError} from "./alert.js";
import {baseUrl, classNames, fetchCard, fetchModels, modelOptions, toJson} from "./api.js";
import {currentKey} from "./browser.js";
import {showCode} from "./code.js";
import {navigate} from "./router.js";
import {texts} from "./texts_walk.js";
import {Wipe} from "./wipe.js";

const words = texts.compare;
const view = document.getElementById("compare");
const form = view.querySelector("form");
const fields = form.elements;
const [status, note] = [".status", ".note"].map(one => view.querySelector(one));
const wipe = new Wipe(view.querySelector(".compared"), () => (
  change({wipe: wipe.percent === "50" ? undefined : wipe.percent}, {replace: true})));
const [previous, next] = view.querySelectorAll("[data-pages]");
let route; // the query of the address bar, as texts
const known = new Map(); // name, or name@version -> promise of its card
let cards = [];
let showings = 0;

/** Show the view for the query of the address bar. */
export async function show(query) {
  const showing = ++showings;
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
    status.textContent = "";
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
  wipe.set(Number(route.wipe ?? 50));
  draw(address);
}

/** Called when a person changes to another view. */
export function leave() {
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

/** Draw both layers, and say what they are. */
function draw(address) {
  const room = {width: view.clientWidth - 24, height: Math.max(200, innerHeight - 360)};
  view.querySelector(".range").textContent = wipe.show(cards, address, room, route.show === "one");
  const names = cards.map(({name, version}) => words.name(name, version));
  previous.setAttribute("aria-disabled", address.index === 0n); // not disabled: they would lose the focus
  next.setAttribute("aria-disabled", shiftIndex(address.index, wipe.count) === undefined);
  cards.forEach((card, side) => showProgram(side, card, address));
  status.textContent = noteOf(address, names);
  note.textContent = [
    ...cards.map(({scores}, side) => words.ratio(names[side], scores.fd_ratio)),
    ...(new Set(cards.map(({scores}) => scores.evaluator_digest).filter(Boolean)).size > 1 ? [words.evaluators] : []),
  ].join(" · ");
}

/** How a program draws one side as a sheet. */
function showProgram(side, card, {seed, index, label, truncation}) {
  const own = classNames(card).includes(label) ? label : undefined;
  const body = {
    model: `${card.name}@${card.version}`, n: wipe.count, seed, start: index, label: own,
    truncation: truncation === 1 ? undefined : truncation,
  };
  const file = `${["left", "right"][side]}.png`;
  showCode(view.querySelectorAll(".code")[side], {
    url: `${baseUrl}generate`, body: toJson(body), file, needsKey: currentKey() !== undefined,
  });
}

function noteOf({label}, names) {
  if (names[0] === names[1]) return words.same;
  const without = cards.findIndex(card => label !== undefined && !classNames(card).includes(label));
  return without < 0 ? "" : words.noClass(names[without], label);
}

function change(changes, options) {
  navigate("compare", {...route, ...changes}, options);
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
    change({index: shiftIndex(index, Number(button.dataset.pages) * wipe.count) || undefined});
  });
}
let resized;
for (const event of ["resize", "display"]) {
  addEventListener(event, () => {
    clearTimeout(resized);
    resized = setTimeout(() => { if (cards.length && !view.hidden) showCards(cards); }, 100);
  });
}
