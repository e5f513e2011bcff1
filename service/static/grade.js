// The view Grade: one picture at a time, and how much a person likes it.
//
//     router -> [grade] -> grade_queue -> POST /ratings
//                      |-> grade_panel, grade_scale -> a person
//                      `-> learn
//
// A batch is stored in the browser until another one replaces it, so a reload continues where it was, and two windows
// grade it together. What could not be sent is sent when the page is opened again.

import {announce as say, clearError, showError} from "./alert.js";
import {fetchModels, request} from "./api.js";
import {load, onStoredElsewhere, store} from "./browser.js";
import {keysAreOn} from "./display.js";
import {
  announce, fitPicture, focusPicture, isSeen, parts, showDelivery, showNote, showPanel, showPictureAgain, showSummary,
} from "./grade_panel.js";
import {GradeQueue, GradeSender} from "./grade_queue.js";
import {createScale} from "./grade_scale.js";
import {loadPart} from "./parts.js";
import {navigate, rememberRoute} from "./router.js";
import {texts} from "./texts_grade.js";

const {view, startForm, finished} = parts;
const fields = startForm.elements;
const batches = new Map(); // model -> {queue, sender}: one writer for each stored batch
let model;
let card;
let queue;
let sender;
let isStarting = false;
let learning; // the module, from the moment at which it is needed: not before grades are given
let wantedOfIt; // what it is to show; undefined: nothing

/** Show the batch of a model that was started, or the form that starts one. */
export function show(query, modelCard) {
  leave();
  card = modelCard;
  model = query.get("model");
  if (model === null) return navigate("grade", {model: card.name}, {replace: true});
  rememberRoute("grade", model, {model});
  fields.grader.value ||= load("grader") ?? ""; // a name that is typed stays when another model is chosen
  fields.n.value = load("n") ?? "64";
  ({queue, sender} = batches.get(model) ?? {});
  const stored = load(`batch ${model}`);
  if (!queue && stored) {
    useBatch(stored);
    showNote(texts.grade.continues(stored.grader));
    sender.send({all: true}); // the page was closed before they could be sent
  }
  queue?.sync();
  render();
  sender?.send({all: queue.finished});
  return refreshSummary();
}

/** Called when a person changes to another view: all grades are sent, and the batch stays. */
export function leave() {
  sender?.send({all: true});
  wantedOfIt = undefined;
  learning?.hide();
}

function render() {
  showPanel(queue, card);
  showLearning().catch(showError);
}

/** Between two batches: what the model can learn from the grades. */
async function showLearning() {
  wantedOfIt = queue && !queue.finished ? undefined : {hasEnded: queue !== undefined, saved: sendAll};
  const wanted = wantedOfIt;
  if (!wanted) return learning?.hide();
  learning = await loadPart("learn");
  if (wanted === wantedOfIt) learning.show(card.name, wanted);
}

/** Make this batch the current one of the model. */
function useBatch(state) {
  const key = `batch ${model}`;
  let clearSendError = () => {};
  const created = new GradeQueue(state, {load: () => load(key), store: whole => store(key, whole)});
  queue = created;
  sender = new GradeSender(created, {
    sent() {
      clearSendError();
      if (queue !== created) return;
      showDelivery(created);
      if (!created.finished) return;
      refreshSummary();
      if (!view.hidden) showLearning().catch(showError); // there are more grades now
    },
    failed(error) {
      if (queue === created) showDelivery(created);
      clearSendError = showError(new Error(
        texts.grade[error.retryable ? "storedHere" : error.needsKey ? "needsKey" : "refused"](error.message)));
    },
  });
  batches.set(model, {queue, sender});
}

/** Send all that is left; returns whether the batch can be left without losing a grade. */
async function sendAll() {
  await sender?.send({all: true});
  return !queue?.unsent || sender.refused;
}

async function startBatch() {
  if (isStarting) return;
  isStarting = true;
  const grader = queue?.state.grader ?? fields.grader.value.trim();
  const n = fields.n.value;
  store("grader", grader);
  store("n", n);
  const requestedModel = model;
  try {
    if (!await sendAll()) return;
    const {version, pictures} = await (await request(`ratings/batch?${new URLSearchParams({model, grader, n})}`)).json();
    if (requestedModel !== model) return;
    clearError();
    useBatch({model, version, grader, pictures});
    await noteVersion(version);
    render();
    focusPicture();
  } catch (error) {
    showError(error);
  } finally {
    isStarting = false;
  }
}

/** Say when another version draws than in the batch before. */
async function noteVersion(version) {
  const before = load(`version ${model}`);
  store(`version ${model}`, version);
  showNote(before && before !== version
    ? texts.grade.newVersion(card.name, version, before) : "");
  if (version === card.version) return;
  const {models} = await fetchModels({refresh: true});
  card = models.find(one => one.card.version === version)?.card ?? card;
}

function grade(score) {
  if (queue.sync()) return render(); // another window has graded this picture
  if (score !== undefined && !isSeen(queue)) return showNote(texts.grade[showPictureAgain() ? "outOfSight" : "onItsWay"]);
  queue.grade(score);
  showNote("");
  announce(queue, score === undefined ? texts.grade.skipped : texts.grade.graded(score));
  render();
  return sender.send({all: queue.finished});
}

function undo() {
  queue.sync();
  if (!queue.canUndo) return;
  queue.undo();
  announce(queue, texts.grade.undone);
  render();
}

async function leaveBatch() {
  if (!await sendAll()) return;
  batches.delete(model);
  store(`batch ${model}`, undefined);
  queue = sender = undefined;
  clearError();
  render();
  fields.grader.focus();
  refreshSummary();
}

/** Another window has changed the stored batch of a model, or started or left it. */
function followOtherWindow(name, state) {
  if (!name.startsWith("batch ")) return;
  const ofModel = name.slice("batch ".length);
  const isShown = ofModel === model && !view.hidden;
  const known = batches.get(ofModel)?.queue;
  const isSame = known?.isOf(state);
  const hasMoved = isSame && known.sync();
  if (!isSame) batches.delete(ofModel);
  if (!isShown) return;
  if (hasMoved) say(texts.grade.elsewhere);
  if (!isSame && state) useBatch(state);
  else if (!isSame) queue = sender = undefined;
  render();
}

const refreshSummary = () => showSummary(card.name, load("grader")).catch(showError);

createScale(view.querySelector(".scale"), view.querySelector(".drag input"), {
  grade, undo, skip: () => grade(undefined), active: () => !view.hidden && queue !== undefined && !queue.finished && keysAreOn(),
});
startForm.addEventListener("submit", event => { event.preventDefault(); startBatch(); });
view.querySelector(".undo").addEventListener("click", undo);
view.querySelector(".skip").addEventListener("click", () => grade(undefined));
view.querySelector(".leave").addEventListener("click", leaveBatch);
finished.querySelector(".more").addEventListener("click", startBatch);
const flushAll = () => { for (const batch of batches.values()) batch.sender.flush(); };
addEventListener("pagehide", flushAll);
document.addEventListener("visibilitychange", () => document.hidden && flushAll());
addEventListener("online", () => sender?.send({all: queue.finished}));
for (const change of ["resize", "display"]) addEventListener(change, () => card && !view.hidden && fitPicture(card));
onStoredElsewhere(followOtherWindow);
