// The view Play: an instrument that moves one picture along the directions that matter most, and mixes its classes.
//
//     router -> [play] -> play_controls, play_state -> play_draw -> canvas
//
// The address bar holds the picture that it starts from, as at=seed/index or at=code/..., how far it is moved along each
// direction, and the weights of its classes. Directions are measured at export; a model without them has its classes to move.

import {codeUrl, formatAddress, parsePoint, randomSeed} from "./address.js";
import {announce, showError} from "./alert.js";
import {baseUrl, classNames, fetchModel, request, toJson} from "./api.js";
import {copy, currentKey, saveFile} from "./browser.js";
import {showCode} from "./code.js";
import {pictureScale} from "./display.js";
import {fitElement} from "./image.js";
import {loadPart} from "./parts.js";
import {buildControls} from "./play_controls.js";
import {OneAtATime, drawPicture, drawTiles} from "./play_draw.js";
import {codeOf, formatMix, formatMoves, initialState, isSame, labelOf, parseState, withValues} from "./play_state.js";
import {hrefFor, navigate, rememberRoute, rewriteRoute} from "./router.js";
import {texts} from "./texts_play.js";

const SETTLED_MS = 300; // a hand that rests so long has made one movement: it can be undone, and the link has it
const MOST_UNDONE = 100;
const DIRECTIONS_FILE = "directions.npy";
const words = texts.instrument;
const view = document.getElementById("play");
const [canvas, undoButton, resetButton, backLink, status] =
  [".stage canvas", ".undo", ".reset", ".back", ".status"].map(selector => view.querySelector(selector));
let model;
let card;
let loading; // the address whose code is fetched
let address; // of the picture that it starts from
let base; // its code
let directions = []; // {direction, share}, the strongest first
let names = []; // of the classes
let initial; // the state of the address's picture
let state;
let before; // the state before the movement that is under way
let past = []; // states to go back to, the last one last
let settling; // timer
let shown; // version and address of what is loaded
let written; // the link that this view has written itself
let controls;
let clearDrawError = () => {};

const queue = new OneAtATime(error => { clearDrawError = showError(error); });

/** Show the view for the query of the address bar; `modelCard` is the card of its model. */
export function show(query, modelCard) {
  card = modelCard;
  model = query.get("model") ?? card.name;
  const at = query.get("at");
  if (at === null) {
    navigate("play", {model, at: `${randomSeed()}/0`}, {replace: true});
    return;
  }
  const found = parsePoint(at);
  const label = classNames(card).includes(found.label) ? found.label : undefined;
  const key = `${card.name} ${card.version} ${at}`;
  if (key !== shown) load({...found, label, model: card.name, version: card.version}, key, query);
  else if (location.hash !== written) open(query);
}

/** Called when a person changes to another view. */
export function leave() {
  clearTimeout(settling);
  if (state) rememberRoute("play", model, linked());
}

async function load(wanted, key, query) {
  loading = wanted;
  try {
    const [code, found, {takes_class_weights: mixes, encodes}] = await Promise.all([
      fetchCode(wanted), fetchDirections(), fetchModel(model),
    ]);
    if (loading !== wanted) return; // the address bar changed meanwhile
    [address, base, directions, names] = [wanted, code.code, found, classNames(card)];
    offerOwn(encodes).catch(showError);
    initial = initialState(directions.length, names, code.label);
    [past, before, shown] = [[], undefined, key];
    controls = buildControls({image: card.image, directions, names, mixes, home: initial, moved: move});
    layOut();
    open(query);
    announce(canvas.getAttribute("aria-label"));
  } catch (error) {
    if (loading === wanted) showError(error);
  }
}

/** {code, label} of where it starts from. */
async function fetchCode(wanted) {
  if (!wanted.code) return (await request(codeUrl(wanted))).json();
  if (wanted.code.length !== card.code_size) throw new Error(words.otherCode(wanted.code.length, card.name, card.code_size));
  return {code: wanted.code, label: wanted.label ?? classNames(card)[0]};
}

/** Offer to start from a picture of a person's own, where the model has an encoder. */
async function offerOwn(encodes) {
  if (!encodes) {
    view.querySelector(".own").hidden = true; // else it is shown when it can take a picture
    return;
  }
  const {offer} = await loadPart("own_picture");
  offer({card, at: formatAddress(address), start: point => navigate("play", {model, at: formatAddress(point)})});
}

async function fetchDirections() {
  if (!(DIRECTIONS_FILE in card.files)) return [];
  return (await (await request(`models/${card.name}/${card.version}/directions`)).json()).directions;
}

/** Show the state of a link. */
function open(query) {
  clearTimeout(settling);
  before = undefined;
  goTo(parseState(query.get("move"), query.get("mix"), initial), "");
}

function goTo(other, said) {
  state = other;
  controls.show(state);
  draw();
  settle();
  status.textContent = said;
}

/** A hand moves numbers of a part of the state. */
function move(part, changes) {
  before ??= state;
  state = withValues(state, part, changes);
  controls.show(state);
  draw();
  clearTimeout(settling);
  settling = setTimeout(settle, SETTLED_MS);
}

/** A movement has ended. */
function settle() {
  clearTimeout(settling);
  if (before && !isSame(before, state)) past = [...past, before].slice(-MOST_UNDONE);
  before = undefined;
  rememberRoute("play", model, linked());
  written = rewriteRoute("play", linked());
  renderRest();
  queue.later(drawDirections);
}

const linked = () => ({
  model, at: formatAddress(address), move: formatMoves(state), mix: formatMix(state) === formatMix(initial) ? "" : formatMix(state),
});

const bodyOf = one => ({
  model: `${card.name}@${card.version}`, codes: [codeOf(base, directions, one)], label: labelOf(one, names),
});

function draw() {
  queue.now(async options => {
    await drawPicture(canvas, bodyOf(state), options); // the state of the moment at which its turn comes
    clearDrawError();
  });
}

/** Draw what each direction does to the picture as it is now. */
async function drawDirections(options) {
  const tiles = controls.tiles(state).map(({state: one, ...place}) => ({...place, code: codeOf(base, directions, one)}));
  if (tiles.length) await drawTiles(tiles, card.image, bodyOf(state), options);
}

function renderRest() {
  const {seed, index, label, truncation, code} = address;
  const isMoved = !isSame(state, initial);
  canvas.setAttribute("aria-label", code ? words.ownAlt(isMoved) : words.alt(index, seed, isMoved));
  undoButton.setAttribute("aria-disabled", !past.length); // a disabled button would lose the focus
  resetButton.setAttribute("aria-disabled", !isMoved);
  backLink.hidden = code !== undefined;
  backLink.href = hrefFor("look", {model, seed, index, label, truncation: truncation === 1 ? "" : truncation});
  backLink.textContent = words.back(index, seed);
  showProgram();
}

function showProgram() {
  const body = toJson({...bodyOf(state), format: "png"});
  showCode(view.querySelector(".code"), {
    url: `${baseUrl}decode`, body, file: "picture.png", needsKey: currentKey() !== undefined,
  });
}

function layOut() {
  const wide = innerWidth > 600; // as in the style
  const room = {
    width: wide ? Math.max(420, innerWidth * 0.3) * pictureScale() : innerWidth, height: innerHeight * (wide ? 0.55 : 0.32),
  };
  fitElement(canvas, view, {...room, width: Math.min(room.width, canvas.closest("figure").clientWidth - 24)}, card.image);
  view.querySelector(".moves").hidden = !directions.length;
  view.querySelector(".mix").hidden = !names.length;
  const none = view.querySelector(".none");
  none.hidden = directions.length > 0;
  none.textContent = words.noDirections(card.name);
}

async function download() {
  status.textContent = words.drawing;
  try {
    const place = address.code ? "own" : `${address.seed}-${address.index}`;
    const name = `${card.name}-${place}-moved.png`;
    saveFile(await (await request("decode", {...bodyOf(state), format: "png"})).blob(), name);
    status.textContent = words.saved(name);
  } catch (error) {
    status.textContent = "";
    showError(error);
  }
}

function undo() {
  settle();
  const last = past.at(-1);
  past = past.slice(0, -1);
  if (last) goTo(last, words.undone);
}

function reset() {
  settle();
  if (isSame(state, initial)) return;
  past = [...past, state];
  goTo(initial, words.isReset);
}

const act = (selector, action) => {
  for (const one of view.querySelectorAll(selector)) one.addEventListener("click", event => state && action(event));
};
act(".undo", undo);
act(".reset", reset);
act(".another", () => navigate("play", {model, at: `${randomSeed()}/0`}));
act(".download", download);
act(".copy-link", async () => {
  settle();
  status.textContent = await copy(location.href) ? words.copied : words.notCopied;
});
// Pressing a pointer begins another movement, however soon after the last one.
view.addEventListener("pointerdown", () => before && settle(), {capture: true});
document.addEventListener("keydown", event => {
  const typing = event.target.closest("input:not([type=range]), textarea, dialog");
  if (view.hidden || !state || typing || event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey) return;
  event.preventDefault();
  undo();
});
for (const change of ["resize", "display"]) addEventListener(change, () => state && !view.hidden && layOut());
