// The screen while a person grades: the current picture, the end of a batch, and a summary of all grades.
//
//     grade_queue, GET /ratings/summary -> [grade_panel] -> a person
//
// Renders what grade.js passes in; handles no keys and sends no grades.

import {imageUrl} from "./address.js";
import {request} from "./api.js";
import {resetSlider} from "./grade_scale.js";
import {pictureScale} from "./display.js";
import {fitElement, isInSight, loadImage, painted} from "./image.js";
import {texts} from "./texts_grade.js";

const SHOWN_BEFORE = 3;
const SHOWN_AFTER = 6; // these are prefetched by being shown
const SAMPLES = 12;
const NEITHER = 0.5; // as far from no as from yes
const SAMPLE_COLUMNS = 6;
const SHORT_PX = 520; // in a window that is less high the picture has the other controls at its side, or little else
const SMALLEST_PX = 96;

const view = document.getElementById("grade");
const find = selector => view.querySelector(selector);
const [grading, note, stage, list, announcer] = [".grading", ".note", ".stage", ".queue", ".announcer"].map(find);
const image = stage.querySelector("img");
let seen; // URL of the picture that has been on the screen

/** Parts of the view that grade.js fills or listens to. */
export const parts = {view, startForm: find(".start-form"), finished: find(".finished"), liked: find(".liked"), soFar: find(".so-far")};

/** Show the current picture; the end of the batch; or, without a queue, the form that starts a batch. */
export function showPanel(queue, card) {
  parts.startForm.hidden = queue !== undefined;
  grading.hidden = queue === undefined || queue.finished;
  parts.finished.hidden = parts.liked.hidden = !queue?.finished;
  if (!queue) return showExamples(card);
  showDelivery(queue);
  if (queue.finished) showEnd(queue, card);
  else showPicture(queue, card);
}

/** A few pictures of the model, so that a person knows what they will grade. */
function showExamples(card) {
  const {name: model, version} = card;
  const address = index => ({model, version, seed: 0n, index: BigInt(index), truncation: 1});
  showSamples(parts.startForm, card, Array.from({length: SAMPLES}, (_, index) => [imageUrl(address(index)), ""]));
}

/** Pictures in a row or two: [url, alternative text]. */
function showSamples(panel, {image: {width, height}}, pictures) {
  const samples = panel.querySelector(".samples");
  samples.style.setProperty("--aspect", `${width} / ${height}`);
  samples.replaceChildren(...pictures.map(([url, alt]) => loadImage(Object.assign(new Image(), {alt}), url)));
  view.classList.toggle("pixels", samples.clientWidth / SAMPLE_COLUMNS >= width);
}

function showPicture(queue, card) {
  fitPicture(card);
  const {url} = queue.picture;
  if (image.dataset.url !== url) {
    image.dataset.url = url;
    seen = undefined;
    stage.setAttribute("aria-busy", "true");
    loadImage(image, url);
  }
  image.alt = nameOf(queue.picture, queue.position);
  find("progress").value = queue.position / queue.length;
  find(".done").textContent = texts.grade.progress(queue.position + 1, queue.length);
  find(".undo").setAttribute("aria-disabled", !queue.canUndo); // disabled, it would lose the focus to Skip
  resetSlider(find(".drag input"));
  showFilmstrip(queue);
}

/** Show the picture as large as the window allows. */
export const fitPicture = card => fitElement(image, view, room(), card.image);

/** The most that the picture may take, so that it and the scale are in sight together. */
function room() {
  const width = Math.min(innerWidth - 24, Math.max(560, innerWidth / 3) * Math.max(1, pictureScale()));
  if (innerHeight > SHORT_PX) return {width, height: Math.max(180, innerHeight - 440)};
  const isWide = innerWidth >= 560;
  return {width: isWide ? width / 2 : width, height: Math.max(SMALLEST_PX, innerHeight - (isWide ? 130 : 140))};
}

/** Has the current picture been on the screen, and is it there now? Else it cannot be graded. */
export const isSeen = queue => seen === queue.picture.url && isInSight(image, seen);

/** Bring the picture back on the screen; false where it has not come yet. */
export function showPictureAgain() {
  stage.scrollIntoView({block: "nearest"});
  return seen !== undefined;
}

/** Give the focus to the picture, so that keys grade and the space bar presses no button. */
export function focusPicture() {
  if (!grading.hidden) stage.focus();
}

const nameOf = ({label}, index) => texts.grade.alt(index + 1, label);

/** The pictures before the current one with their grades, the current one, and the next ones. */
function showFilmstrip(queue) {
  const {pictures, given} = queue.state;
  const first = queue.position - SHOWN_BEFORE;
  list.replaceChildren(...Array.from({length: SHOWN_BEFORE + 1 + SHOWN_AFTER}, (_, offset) => {
    const index = first + offset;
    const item = document.createElement("li");
    if (!pictures[index]) return item;
    item.className = index < queue.position ? "before" : index === queue.position ? "now" : "after";
    const score = index < queue.position ? (given[index].score ?? "–") : "";
    item.append(
      loadImage(Object.assign(new Image(), {alt: nameOf(pictures[index], index)}), pictures[index].url),
      Object.assign(document.createElement("span"), {textContent: score}),
    );
    return item;
  }));
}

function showEnd(queue, card) {
  const heading = parts.finished.querySelector("h2");
  const {given, pictures} = queue.state;
  const graded = given.map(({score}, index) => ({score, index})).filter(({score}) => score !== undefined);
  heading.textContent = texts.grade.finished(graded.length, queue.length);
  const liked = graded.filter(({score}) => score > NEITHER).sort((one, other) => other.score - one.score);
  parts.liked.hidden = graded.length === 0;
  parts.liked.querySelector(".none").textContent = liked.length ? "" : texts.grade.noneLiked(NEITHER);
  showSamples(parts.liked, card, liked.slice(0, SAMPLES).map(({score, index}) => (
    [pictures[index].url, texts.grade.altGraded(nameOf(pictures[index], index), score)])));
  heading.focus();
}

/** Show whether all grades have reached the service. */
export function showDelivery(queue) {
  const {unsent} = queue;
  const text = queue.position === 0 ? "" : unsent === 0 ? texts.grade.saved : texts.grade.unsent(unsent);
  for (const element of view.querySelectorAll(".delivery")) element.textContent = text;
  find(".undo").setAttribute("aria-disabled", !queue.canUndo);
}

/** Announce an action and the next picture to screen readers. */
export function announce(queue, action) {
  const next = queue.finished ? undefined : nameOf(queue.picture, queue.position);
  announcer.textContent = texts.grade.announce(action, next);
}

/** Show a line above the panel; an empty one hides it. */
export function showNote(text) {
  note.textContent = text;
}

/** Show the mean grade of each version of a model, and how consistent the grades of `grader` are. */
export async function showSummary(model, grader) {
  const query = new URLSearchParams({model, ...(grader && {grader})});
  const {grades, versions, consistency} = await (await request(`ratings/summary?${query}`)).json();
  parts.soFar.hidden = grades === 0;
  parts.soFar.querySelector("ol").replaceChildren(...versions.map(versionRow));
  parts.soFar.querySelector(".consistency").textContent = consistencyText(consistency);
}

function versionRow({version, grades, mean_score: mean, current}) {
  const row = document.createElement("li");
  const bar = Object.assign(document.createElement("span"), {className: "mean-bar"});
  bar.style.setProperty("--mean", mean);
  const name = Object.assign(document.createElement("code"), {textContent: version.slice(0, 6), title: version});
  const text = texts.grade.versionRow(mean, grades, current);
  row.append(name, bar, Object.assign(document.createElement("span"), {textContent: text}));
  return row;
}

function consistencyText(consistency) {
  if (!consistency?.pairs) return texts.consistency.none;
  const {pairs, mean_difference: difference} = consistency;
  const [, words] = texts.consistency.words.find(([limit]) => difference <= limit);
  return texts.consistency.found(pairs, words, difference);
}

// After a click, the space bar skips the next picture instead of pressing the button again.
grading.addEventListener("click", event => { if (event.detail > 0 && event.target.closest("button")) stage.focus({preventScroll: true}); });
image.addEventListener("load", async () => {
  const {url} = image.dataset;
  await painted();
  if (image.dataset.url !== url || !image.complete) return;
  seen = url;
  stage.setAttribute("aria-busy", "false");
});
