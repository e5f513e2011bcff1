// What is on the screen while a person grades.
//
//     queue -> [grading] -> a person
//
// Knows neither keys nor HTTP; grade.js tells it what to show.

import {here} from "./ask.js";
import {urlOf} from "./address.js";
import {copy} from "./clipboard.js";
import {rest} from "./scale.js";
import {fit} from "./sizes.js";

const BEFORE = 3;
const AFTER = 6; // so many are fetched ahead
const TASTE = 12;
const COLUMNS = 6;

const view = document.getElementById("grade");
const at = what => view.querySelector(what);
const [grading, note, image, list, heard] = [".grading", ".note", ".stage img", ".queue", ".heard"].map(at);

/** The parts of the view that others fill or follow. */
export const parts = {view, begin: at(".begin"), over: at(".over"), soFar: at(".so-far")};

/** The picture to grade now; the end of the batch; or, without a queue, the way to begin one. */
export function showPanel(queue, card) {
  parts.begin.hidden = queue !== undefined;
  grading.hidden = queue === undefined || queue.over;
  parts.over.hidden = !queue?.over;
  if (!queue) return showTaste(card);
  tellSent(queue);
  if (queue.over) showEnd(queue, card);
  else showPicture(queue, card);
}

/** A few pictures of the model, so that a person knows what they will grade. */
function showTaste(card) {
  const {name: model, version} = card;
  const address = index => ({model, version, seed: 0n, index: BigInt(index), truncation: 1});
  hang(parts.begin, card, Array.from({length: TASTE}, (_, index) => [urlOf(address(index)), ""]));
}

/** A few pictures in a row or two: [url, what it is]. */
function hang(panel, {image: {width, height}}, pictures) {
  const taste = panel.querySelector(".taste");
  taste.style.setProperty("--aspect", `${width} / ${height}`);
  taste.replaceChildren(...pictures.map(([src, alt]) => Object.assign(new Image(), {src, alt})));
  view.classList.toggle("pixels", taste.clientWidth / COLUMNS >= width);
}

function showPicture(queue, card) {
  const room = {width: Math.min(innerWidth - 24, 560), height: Math.max(180, innerHeight - 440)};
  fit(image, view, room, card.image);
  image.src = queue.picture.url;
  image.alt = nameOf(queue.picture, queue.at);
  at("progress").value = queue.at / queue.length;
  at(".done").textContent = `${queue.at + 1} of ${queue.length}`;
  at(".undo").disabled = !queue.canUndo;
  rest(at(".drag input"));
  showNeighbours(queue);
}

const nameOf = ({label}, index) => `Picture ${index + 1}${label === undefined ? "" : `, ${label}`}`;

/** Those before with their grades, the one that is large, and those that come, which are fetched by being shown. */
function showNeighbours(queue) {
  const {pictures, given} = queue.state;
  const first = queue.at - BEFORE;
  list.replaceChildren(...Array.from({length: BEFORE + 1 + AFTER}, (_, step) => {
    const index = first + step;
    const one = document.createElement("li");
    if (!pictures[index]) return one;
    one.className = index < queue.at ? "before" : index === queue.at ? "now" : "after";
    const score = index < queue.at ? (given[index].score ?? "–") : "";
    one.append(
      Object.assign(new Image(), {src: pictures[index].url, alt: nameOf(pictures[index], index)}),
      Object.assign(document.createElement("span"), {textContent: score}),
    );
    return one;
  }));
}

function showEnd(queue, card) {
  const heading = parts.over.querySelector("h2");
  const {given, pictures} = queue.state;
  const graded = given.map(({score}, index) => ({score, index})).filter(({score}) => score !== undefined);
  heading.textContent = `${graded.length} of ${queue.length} pictures graded`;
  const liked = graded.sort((one, other) => other.score - one.score).slice(0, TASTE);
  hang(parts.over, card, liked.map(({score, index}) => [pictures[index].url, `${nameOf(pictures[index], index)}: ${score}`]));
  parts.over.querySelector("pre").textContent =
    `python -m training fit PICTURES --from models/${card.name} --ratings ${here.replace(/\/$/, "")}`;
  heading.focus();
}

/** How far the grades have come. */
export function tellSent(queue) {
  const {unsent} = queue;
  const told = queue.at === 0 ? "" : unsent === 0 ? "All grades are kept." : `${unsent} not sent yet.`;
  for (const place of view.querySelectorAll(".sent")) place.textContent = told;
  at(".undo").disabled = !queue.canUndo;
}

/** Say what was done, to whoever listens and cannot see. */
export function tellGrade(queue, done) {
  heard.textContent = `${done}. ${queue.over ? "That was the last one." : nameOf(queue.picture, queue.at)}`;
}

/** A line above all: what is new. */
export function tellNote(text) {
  note.textContent = text;
}

parts.over.querySelector(".copy").addEventListener("click", async ({target}) => {
  target.textContent = await copy(parts.over.querySelector("pre").textContent) ? "Copied" : "Not allowed here";
  setTimeout(() => { target.textContent = "Copy"; }, 2000);
});
// After a click, the space bar is for the next picture and not for the button again.
grading.addEventListener("click", event => { if (event.detail > 0 && event.target.closest("button")) at(".stage").focus(); });
