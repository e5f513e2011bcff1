// Controls of the instrument: a pad for the first two directions, a slider for each other one, and a fader for each class.
//
//     a person -> [play_controls] -> play
//
// Each number is a range input, so that a screen reader knows it; those of the pad are invisible, and lie on it. A pad
// and a slider show what a direction does: a picture for each unit. Knows states, and neither requests nor links.

import {MOST_CLASSES, REACH, UNITS, unitsOf, withValues} from "./play_state.js";
import {texts} from "./texts_play.js";

const PICTURES = 2 * REACH + 1; // on a strip, and on each side of the pad
const MIDDLE = REACH; // number of the one that is not moved
const SPREAD = PICTURES; // units from side to side: the ends are in the middle of the outer pictures
const STEPS = {moves: 0.1, mix: 50}; // of an arrow key
const KEYS = {
  ArrowRight: [0, 1], ArrowUp: [1, 1], ArrowLeft: [0, -1], ArrowDown: [1, -1], PageUp: [undefined, 5], PageDown: [undefined, -5],
};
const words = texts.instrument;
const view = document.getElementById("play");
const [pad, map, thumb, axes, strips, faders] =
  [".pad", ".pad canvas", ".thumb", ".axes", ".strips", ".faders"].map(selector => view.querySelector(selector));
let on;

/**
 * Make the controls of a model. `directions`: {share} of each; `names`: of the classes; `mixes`: whether a picture may be
 * of several; `home`: the state that a double click goes back to; `moved(part, [[place, value], ...])` is called with every
 * movement. Returns {show(state), tiles(state)}: tiles are the small pictures, {state, canvas, column, row}.
 */
export function buildControls({image, directions, names, mixes, home, moved}) {
  on = {home, moved};
  const onPad = directions.length > 1 ? 2 : 0;
  pad.hidden = axes.hidden = !onPad;
  const rows = directions.slice(onPad).map(({share}, row) => newSlider(row + onPad, share, image));
  strips.replaceChildren(...rows.map(({element}) => element));
  const all = onPad ? [newPad(directions, image), ...rows] : rows;
  const mixed = !names.length ? [] : mixes && names.length <= MOST_CLASSES ? names.map(newFader) : [newMenu(names)];
  faders.style.setProperty("--longest", Math.max(...names.map(name => name.length)));
  faders.replaceChildren(...mixed.map(({element}) => element));
  return {
    show: state => { for (const one of [...all, ...mixed]) one.show(state); },
    tiles: state => all.flatMap(one => one.tiles(state)),
  };
}

function newPad(directions, image) {
  const inputs = [words.right, words.up].map((label, at) => newRange("moves", label(at + 1)));
  inputs[1].setAttribute("aria-orientation", "vertical");
  for (const old of pad.querySelectorAll("input")) old.remove();
  pad.append(...inputs);
  listen("moves", inputs, [0, 1]);
  Object.assign(map, {width: PICTURES * image.width, height: PICTURES * image.height});
  const titles = ["→", "↑"].map((arrow, at) => newTitle(at, directions[at].share, arrow));
  axes.replaceChildren(...titles.map(({title}) => title));
  return {
    show({moves}) {
      inputs.forEach((input, at) => { [input.value, titles[at].output.value] = [moves[at], words.value(moves[at])]; });
      const [right, up] = moves;
      Object.assign(thumb.style, {left: `${50 + (100 * right) / SPREAD}%`, top: `${50 - (100 * up) / SPREAD}%`});
    },
    tiles: state => Array.from({length: PICTURES ** 2}, (_, at) => {
      const [column, row] = [at % PICTURES, Math.floor(at / PICTURES)];
      return {canvas: map, column, row, state: withValues(state, "moves", [[0, column - MIDDLE], [1, MIDDLE - row]])};
    }),
  };
}

function newTitle(at, share, arrow = "") {
  const [title, muted, output] = ["p", "span", "output"].map(tag => document.createElement(tag));
  [muted.className, muted.textContent] = ["muted", words.share(share)];
  title.append(`${arrow} ${words.direction(at + 1)}`.trim(), muted, output);
  return {title, output};
}

/** A slider along one direction, below pictures of what it does. */
function newSlider(at, share, image) {
  const element = document.createElement("div");
  const {title, output} = newTitle(at, share);
  const strip = Object.assign(document.createElement("canvas"), {width: PICTURES * image.width, height: image.height});
  const input = newRange("moves", words.direction(at + 1));
  element.append(title, strip, input);
  strip.addEventListener("click", ({offsetX}) => (
    on.moved("moves", [[at, Math.floor((PICTURES * offsetX) / strip.clientWidth) - MIDDLE]])));
  listen("moves", [input], [at]);
  return {
    element,
    show({moves}) { [input.value, output.value] = [moves[at], words.value(moves[at])]; },
    tiles: state => Array.from({length: PICTURES}, (_, column) => (
      {canvas: strip, column, row: 0, state: withValues(state, "moves", [[at, column - MIDDLE]])})),
  };
}

function newFader(name, at) {
  const [element, title, output] = ["label", "span", "output"].map(tag => document.createElement(tag));
  const input = newRange("mix", words.weightOf(name));
  title.textContent = name;
  element.append(title, input, output);
  listen("mix", [input], [at]);
  return {
    element,
    show(state) {
      [input.value, output.value] = [state.mix[at], words.weight(unitsOf(state)[at])];
      input.setAttribute("aria-valuetext", output.value);
    },
  };
}

/** For a model of many classes, or one that takes one class a picture. */
function newMenu(names) {
  const [element, menu] = ["label", "select"].map(tag => document.createElement(tag));
  menu.append(...names.map((name, at) => new Option(name, at)));
  element.append(words.oneClass, menu);
  menu.addEventListener("change", () => (
    on.moved("mix", names.map((_, at) => [at, at === Number(menu.value) ? UNITS : 0]))));
  return {element, show({mix}) { menu.value = mix.findIndex(Boolean); }};
}

function newRange(part, label) {
  const [min, max, step] = part === "moves" ? [-REACH, REACH, 0.01] : [0, UNITS, 1];
  const input = Object.assign(document.createElement("input"), {type: "range", min, max, step});
  input.setAttribute("aria-label", label);
  return input;
}

/** By pointer as the browser does it, and by keys; of two inputs one goes to the right and one up. */
function listen(part, inputs, places) {
  inputs.forEach((input, own) => {
    const goHome = at => on.moved(part, [[places[at], on.home[part][places[at]]]]);
    input.addEventListener("input", () => on.moved(part, [[places[own], Number(input.value)]]));
    input.addEventListener("dblclick", () => goHome(own));
    input.addEventListener("keydown", event => {
      const [axis, steps] = KEYS[event.key] ?? [];
      if ((!steps && event.key !== "0") || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const at = inputs.length > 1 ? axis ?? own : own;
      if (steps) on.moved(part, [[places[at], Number(inputs[at].value) + steps * STEPS[part]]]);
      else goHome(at);
      inputs[at].focus(); // so that the number that moves is read out
    });
  });
}

function followPointer({clientX, clientY}) {
  const {left, top, width, height} = pad.getBoundingClientRect();
  on.moved("moves", [[0, ((clientX - left) / width - 0.5) * SPREAD], [1, (0.5 - (clientY - top) / height) * SPREAD]]);
}

pad.addEventListener("pointerdown", event => {
  if (event.button !== 0) return;
  event.preventDefault();
  pad.setPointerCapture(event.pointerId);
  pad.querySelector("input").focus({preventScroll: true});
  followPointer(event);
});
pad.addEventListener("pointermove", event => { if (pad.hasPointerCapture(event.pointerId)) followPointer(event); });
pad.addEventListener("dblclick", () => on.moved("moves", [[0, 0], [1, 0]]));
