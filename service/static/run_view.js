// One run: progress, what its doctor says, the time-lapse of its sheets, curves and healing steps.
//
//     runs -> [run_view] -> run_curves, training_view
//
// Follows the newest sheet until a person looks at an earlier one.

import {drawCurves} from "./run_curves.js";
import {texts} from "./texts_training.js";
import {fillList, fillProgress, say, showSheet} from "./training_view.js";

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
  fillRun(article, run);
  fillDiagnosis(diagnosis);
  find(".lapse").hidden = sheets.length === 0;
  position.max = Math.max(0, sheets.length - 1);
  if (follows && !playing) position.value = position.max;
  showChosenSheet();
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

/** Fill in the state of a run, and how far it is. */
export function fillRun(element, run) {
  say(element.querySelector(".state"), texts.runs.state(run), run.severity ?? "idle");
  fillProgress(element, run);
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

function showChosenSheet() {
  const sheet = found.sheets[position.value];
  if (!sheet) return;
  const words = texts.runs.sheet(sheet, found.run.parent);
  showSheet(image, sheet);
  image.alt = caption.textContent = words;
  position.setAttribute("aria-valuetext", words);
}

const isLast = () => Number(position.value) >= found.sheets.length - 1;

function play() {
  if (isLast()) position.value = 0;
  playing = setInterval(() => {
    position.value = Number(position.value) + 1;
    showChosenSheet();
    if (isLast()) stop();
  }, FRAME_MS);
  showChosenSheet();
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
position.addEventListener("input", () => { stop(); showChosenSheet(); });
