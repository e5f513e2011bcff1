// Walk: from picture to picture through what a model has learned.
//
//     place -> [walk] -> film, player -> canvas
//
// The pictures that it walks past stand in the address bar, as at=seed/index, and so does whether it comes back.

import {LEG_FRAMES, FRAMES_PER_SECOND, animationOf, framesOf, legsOf} from "./film.js";
import {tell} from "./alert.js";
import {freshSeed, parse, textOf, urlOf, whole} from "./address.js";
import {classNames} from "./cards.js";
import {draw} from "./npy.js";
import {go, remember} from "./place.js";
import {Player} from "./player.js";
import {fit} from "./sizes.js";

const MOST_POINTS = 64;
const PICTURES_AT_FIRST = 4;
const MIXTURES = ["autoencoder", "denoising"];
const view = document.getElementById("walk");
const form = view.querySelector("form");
const fields = form.elements;
const [canvas, along, play, list, hint, said] =
  ["canvas", ".along", ".play", ".points", ".hint", ".said"].map(what => view.querySelector(what));
let model;
let card;
let points = [];
let well = () => {};
let legs = []; // [from, to, frames], the last of them when they have come

const player = new Player({
  show: frame => { along.value = frame; return paint(); },
  frames: () => legs.length * LEG_FRAMES,
  rate: FRAMES_PER_SECOND,
  changed: () => {
    document.documentElement.classList.toggle("playing", player.playing);
    play.textContent = player.playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", player.playing);
  },
});

/** Show the walk that `query` asks for, with the model of `ofModel`. */
export function show(query, ofModel) {
  card = ofModel;
  model = query.get("model") ?? card.name;
  if (!query.has("at")) {
    const seed = freshSeed();
    go("walk", {model, at: Array.from({length: PICTURES_AT_FIRST}, (_, index) => `${seed}/${index}`)}, {replace: true});
    return;
  }
  points = query.getAll("at").slice(0, MOST_POINTS).map(text => {
    const address = {...parse(text), model: card.name, version: card.version};
    return classNames(card).includes(address.label) ? address : {...address, label: undefined};
  });
  const loop = query.get("loop") !== "no";
  fields.loop.checked = loop;
  player.again = loop;
  remember("walk", model, {model, at: points.map(textOf), loop: loop ? undefined : "no"});
  layOut();
  fetchLegs(loop);
}

/** The view is left. */
export function leave() {
  player.stop();
}

function layOut() {
  const room = {width: Math.min(innerWidth - 24, 640), height: Math.max(160, innerHeight - 400)};
  fit(canvas, view, room, card.image);
  list.replaceChildren(...points.map(item));
  const one = points.length < 2;
  hint.textContent = one ? "A walk needs two pictures: add another one here, or choose one in Look." : "";
  for (const button of [play, along, fields.save, fields.loop]) button.disabled = one;
  fields.random.disabled = points.length >= MOST_POINTS;
  view.querySelector(".jumps").hidden = !MIXTURES.includes(card.method);
}

function fetchLegs(loop) {
  const wanted = legsOf(points, loop).map(leg => [...leg, undefined]);
  legs = wanted;
  along.max = Math.max(1, legs.length * LEG_FRAMES);
  if (!legs.length) showStill();
  for (const leg of wanted) {
    framesOf(leg).then(frames => {
      leg[2] = frames;
      if (legs !== wanted) return;
      well();
      paint();
    }, error => { if (legs === wanted) well = tell(error, () => fetchLegs(loop)); });
  }
}

/** Draw the frame that the slider is at; could it be drawn? */
function paint() {
  const frame = Number(along.value);
  const at = Math.min(Math.floor(frame / LEG_FRAMES), legs.length - 1);
  const part = frame - at * LEG_FRAMES;
  if (!legs[at]?.[2]) return false;
  draw(canvas, legs[at][2], part);
  const percent = Math.round((100 * part) / LEG_FRAMES);
  const last = at + 1 < points.length ? at + 2 : 1;
  along.setAttribute("aria-valuetext", `${percent} % of the way from picture ${at + 1} to picture ${last}`);
  const nearest = Math.round(frame / LEG_FRAMES) % points.length;
  [...list.children].forEach((one, index) => one.classList.toggle("here", index === nearest));
  return true;
}

async function showStill() {
  const frames = await framesOf([points[0], points[0]]).catch(tell);
  if (frames && !legs.length) draw(canvas, frames, 0);
}

/** A picture of the walk, and what can be done with it. */
function item(address, at) {
  const one = document.createElement("li");
  const name = `picture ${at + 1}, index ${address.index} of seed ${address.seed}`;
  const image = Object.assign(new Image(), {src: urlOf(address), alt: name});
  const there = button(image, `Go to ${name}`, () => { player.stop(); along.value = at * LEG_FRAMES; paint(); });
  there.className = "there";
  const acts = document.createElement("span");
  acts.className = "tools";
  acts.append(
    button("←", `Earlier: ${name}`, () => change(moved(at, at - 1)), at === 0),
    button("×", `Remove ${name}`, () => change(points.filter(other => other !== address)), points.length === 1),
    button("→", `Later: ${name}`, () => change(moved(at, at + 1)), at === points.length - 1),
  );
  one.append(there, acts);
  return one;
}

function button(content, label, act, disabled = false) {
  const made = Object.assign(document.createElement("button"), {type: "button", disabled});
  made.setAttribute("aria-label", label);
  made.append(content);
  made.addEventListener("click", act);
  return made;
}

function moved(from, to) {
  const order = [...points];
  order.splice(to, 0, ...order.splice(from, 1));
  return order;
}

function change(addresses, loop = fields.loop.checked) {
  go("walk", {model, at: addresses.map(textOf), loop: loop ? undefined : "no"});
}

async function save() {
  said.textContent = "Drawing the animation…";
  try {
    const url = URL.createObjectURL(await animationOf(points, fields.loop.checked));
    const anchor = Object.assign(document.createElement("a"), {href: url, download: `${card.name}-walk.webp`});
    anchor.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    said.textContent = `Saved as ${anchor.download}.`;
  } catch (error) {
    said.textContent = "";
    tell(error, save);
  }
}

play.addEventListener("click", () => {
  if (player.playing) return player.stop();
  const frame = Number(along.value);
  return player.play(frame < legs.length * LEG_FRAMES ? frame : 0, fields.loop.checked);
});
along.addEventListener("input", () => { player.stop(); paint(); });
form.addEventListener("submit", event => {
  event.preventDefault();
  try {
    if (points.length >= MOST_POINTS) throw new Error(`A walk has up to ${MOST_POINTS} pictures; remove one first.`);
    const added = {seed: whole(fields.seed.value, "seed"), index: whole(fields.index.value, "index"), truncation: 1};
    change([...points, added]);
  } catch (error) {
    tell(error);
  }
});
fields.random.addEventListener("click", () => change([...points, {seed: freshSeed(), index: 0n, truncation: 1}]));
fields.loop.addEventListener("change", () => change(points));
fields.save.addEventListener("click", save);
addEventListener("resize", () => card && !view.hidden && layOut());
