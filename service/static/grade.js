// Grade: one picture at a time, and how much a person likes it.
//
//     place -> [grade] -> queue, sender -> POST /ratings
//
// A batch stays in the browser until another one takes its place: whoever reloads the page goes on where they were.

import {ask} from "./ask.js";
import {clear, tell} from "./alert.js";
import {models} from "./cards.js";
import {keep, kept} from "./keep.js";
import {parts, showPanel, tellGrade, tellNote, tellSent} from "./grading.js";
import {go, remember} from "./place.js";
import {Queue} from "./queue.js";
import {scale} from "./scale.js";
import {Sender} from "./sender.js";
import {summarise} from "./summary.js";

const {view, begin, over, soFar} = parts;
const fields = begin.elements;
const begun = new Map(); // model -> {queue, sender}: one of each, so that nothing is written from two places
let model;
let card;
let queue;
let sender;

/** Show the batch of a model that was begun, or the way to begin one. */
export function show(query, ofModel) {
  leave();
  card = ofModel;
  model = query.get("model");
  if (model === null) return go("grade", {model: card.name}, {replace: true});
  remember("grade", model, {model});
  fields.grader.value = kept("grader") ?? "";
  fields.n.value = kept("n") ?? "64";
  ({queue, sender} = begun.get(model) ?? {});
  const before = kept(`batch ${model}`);
  if (!queue && before) {
    take(before);
    tellNote(`You go on where you were, as ${before.grader}.`);
  }
  showPanel(queue, card);
  sender?.send({all: queue.over});
  return tellSummary();
}

/** The view is left: what was given is sent, and stays. */
export function leave() {
  sender?.send({all: true});
}

/** From now on, this batch is graded. */
function take(state) {
  const key = `batch ${model}`;
  let well = () => {};
  const taken = new Queue(state, whole => keep(key, whole));
  queue = taken;
  sender = new Sender(taken, {
    sent() {
      well();
      if (queue !== taken) return;
      tellSent(taken);
      if (taken.over) tellSummary();
    },
    failed(error) {
      if (queue === taken) tellSent(taken);
      well = tell(new Error(error.passes
        ? `${error.message} Your grades are kept here, and will be sent when it answers again.`
        : `${error.message} The last grades of this batch cannot be kept; begin another one.`));
    },
  });
  begun.set(model, {queue, sender});
}

/** Nothing is lost if the batch is left now. */
async function done() {
  await sender?.send({all: true});
  return !queue?.unsent || sender.refused;
}

async function another() {
  const grader = queue?.state.grader ?? fields.grader.value.trim();
  const n = fields.n.value;
  keep("grader", grader);
  keep("n", n);
  const asked = model;
  try {
    if (!await done()) return;
    const {version, pictures} = await (await ask(`ratings/batch?${new URLSearchParams({model, grader, n})}`)).json();
    if (asked !== model) return;
    clear();
    take({model, version, grader, pictures});
    await tellVersion(version);
    showPanel(queue, card);
  } catch (error) {
    tell(error, another);
  }
}

/** Say so where another version draws than before. */
async function tellVersion(version) {
  const before = kept(`version ${model}`);
  keep(`version ${model}`, version);
  tellNote(before && before !== version
    ? `${card.name} has learned: a new version draws these pictures, ${version.slice(0, 6)} after ${before.slice(0, 6)}.`
    : "");
  if (version === card.version) return;
  const {models: held} = await models({anew: true});
  card = held.find(one => one.card.version === version)?.card ?? card;
}

function grade(score) {
  queue.give(score);
  tellNote("");
  tellGrade(queue, score === undefined ? "Skipped" : `Graded ${score}`);
  showPanel(queue, card);
  sender.send({all: queue.over});
}

function undo() {
  if (!queue.canUndo) return;
  queue.undo();
  tellGrade(queue, "Taken back");
  showPanel(queue, card);
}

async function leaveBatch() {
  if (!await done()) return;
  begun.delete(model);
  keep(`batch ${model}`, undefined);
  queue = sender = undefined;
  clear();
  showPanel(undefined, card);
  tellSummary();
}

const tellSummary = () => summarise(soFar, card.name, kept("grader")).catch(tell);

scale(view.querySelector(".scale"), view.querySelector(".drag input"), {
  grade, undo, skip: () => grade(undefined), active: () => !view.hidden && queue !== undefined && !queue.over,
});
begin.addEventListener("submit", event => { event.preventDefault(); another(); });
view.querySelector(".undo").addEventListener("click", undo);
view.querySelector(".skip").addEventListener("click", () => grade(undefined));
view.querySelector(".quit").addEventListener("click", leaveBatch);
over.querySelector(".more").addEventListener("click", another);
const flushAll = () => { for (const {sender: one} of begun.values()) one.flush(); };
addEventListener("pagehide", flushAll);
document.addEventListener("visibilitychange", () => document.hidden && flushAll());
