// One run: progress, what its doctor says, the time-lapse of its sheets, curves and healing steps.
//
//     runs -> [run_view] -> run_curves
//
// Follows the newest sheet until a person looks at an earlier one.

import {baseUrl} from "./api.js";
import {loadImage} from "./image.js";
import {drawCurves} from "./run_curves.js";
import {texts} from "./texts_training.js";

const FRAME_MS = 250;
const article = document.querySelector("#runs article");
const find = selector => article.querySelector(selector);
const [image, caption, position, playButton] = ["figure img", "figcaption", "input", ".play"].map(find);
let found;
let playing;

/** Show what GET /runs/{name} answered. */
export function show(answer) {
  const follows = found?.run.name !== answer.run.name || isLast();
  found = answer;
  article.hidden = false;
  const {run, diagnosis, sheets, healings} = found;
  find("h2").textContent = run.name;
  find(".about").textContent = texts.runs.about(found);
  fillProgress(article, run);
  fillDiagnosis(diagnosis);
  find(".lapse").hidden = sheets.length === 0;
  position.max = Math.max(0, sheets.length - 1);
  if (follows && !playing) position.value = position.max;
  showSheet();
  drawCurves(find(".curves"), found.curves, run.images_planned);
  find(".healings").hidden = healings.length === 0;
  fillList(find(".healings ol"), healings.map(texts.runs.healing));
}

/** Show nothing. */
export function hide() {
  stop();
  found = undefined;
  article.hidden = true;
}

/** Fill in how far a run is. */
export function fillProgress(element, run) {
  const state = element.querySelector(".state");
  const words = texts.runs.state(run);
  if (state.textContent !== words) state.textContent = words;
  state.className = `state ${run.severity ?? "idle"}`;
  Object.assign(element.querySelector("progress"), {max: run.images_planned, value: run.images_shown});
  element.querySelector(".how-far").textContent = texts.runs.progress(run);
}

function fillDiagnosis(diagnosis) {
  find(".doctor").hidden = !diagnosis;
  if (!diagnosis) return;
  find(".doctor").className = `doctor ${diagnosis.severity}`;
  find(".explanation").textContent = diagnosis.explanation;
  find(".change").hidden = diagnosis.advice.length === 0;
  fillList(find(".doctor ul"), diagnosis.advice);
  find(".notes").textContent = diagnosis.notes.join(" ");
}

function fillList(list, lines) {
  list.replaceChildren(...lines.map(textContent => Object.assign(document.createElement("li"), {textContent})));
}

function showSheet() {
  const sheet = found.sheets[position.value];
  if (!sheet) return;
  const words = texts.runs.sheet(sheet, found.run.parent);
  if (image.dataset.url !== sheet.url) loadImage(image, new URL(sheet.url, baseUrl).href);
  image.dataset.url = sheet.url;
  image.alt = caption.textContent = words;
  position.setAttribute("aria-valuetext", words);
}

const isLast = () => Number(position.value) >= found.sheets.length - 1;

function play() {
  if (isLast()) position.value = 0;
  playing = setInterval(() => {
    position.value = Number(position.value) + 1;
    showSheet();
    if (isLast()) stop();
  }, FRAME_MS);
  showSheet();
  fillPlay();
}

function stop() {
  clearInterval(playing);
  playing = undefined;
  fillPlay();
}

function fillPlay() {
  playButton.textContent = playing ? texts.player.pause : texts.player.play;
}

playButton.addEventListener("click", () => (playing ? stop() : play()));
position.addEventListener("input", () => { stop(); showSheet(); });
