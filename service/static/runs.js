// Runs: training on this machine as it goes, as a list of runs, or as one run.
//
//     app -> [runs] -> GET /runs, GET /runs/{name} -> run_view
//
// Asks again every few seconds while it is seen; what has not changed is not sent (its ETag) nor drawn again.

import {showError} from "./alert.js";
import {baseUrl, request} from "./api.js";
import {loadImage} from "./image.js";
import {hrefFor} from "./router.js";
import * as runView from "./run_view.js";
import {texts} from "./texts.js";

const [TRAINING_MS, IDLE_MS] = [2000, 10_000];
const view = document.getElementById("runs");
const [list, none, refused] = [".run-list", ".none", ".refused"].map(selector => view.querySelector(selector));
let asked; // name of a run, or "" for the list; undefined while another view is shown
let shownText;
let timer;

/** Show the run that the query names, or all of them. */
export function show(query) {
  asked = query.get("name") ?? "";
  shownText = undefined;
  list.hidden = none.hidden = refused.hidden = true;
  runView.hide();
  poll();
}

/** Called before another view is shown. */
export function leave() {
  asked = undefined;
  clearTimeout(timer);
  runView.hide();
}

async function poll() {
  clearTimeout(timer);
  const name = asked;
  if (name === undefined || document.hidden) return;
  const wanted = () => asked === name;
  try {
    const response = await request(name ? `runs/${encodeURIComponent(name)}` : "runs", undefined, {wanted});
    const text = await response.text();
    if (!wanted()) return;
    const found = JSON.parse(text);
    if (text !== shownText) name ? runView.show(found) : showList(found);
    shownText = text;
    const trains = (found.runs ?? [found.run]).some(({state}) => state === "training");
    timer = setTimeout(poll, trains ? TRAINING_MS : IDLE_MS);
  } catch (error) {
    if (wanted()) showError(error);
  }
}

function showList({runs, refused: unreadable}) {
  list.hidden = runs.length === 0;
  none.hidden = runs.length > 0;
  const before = [...list.children];
  const items = runs.map(run => before.find(({dataset}) => dataset.name === run.name) ?? newItem(run.name));
  if (items.length !== before.length || items.some((item, at) => item !== before[at])) {
    const focused = document.activeElement;
    list.replaceChildren(...items);
    if (list.contains(focused)) focused.focus();
  }
  runs.forEach((run, at) => fillItem(items[at], run));
  refused.hidden = unreadable.length === 0;
  refused.textContent = unreadable.map(({name, reason}) => texts.runs.refused(name, reason)).join(" ");
}

function newItem(name) {
  const item = view.querySelector("template").content.firstElementChild.cloneNode(true);
  item.dataset.name = name;
  item.querySelector("a").href = hrefFor("runs", {name});
  item.querySelector("h2").textContent = name;
  return item;
}

function fillItem(item, run) {
  runView.fillProgress(item, run);
  const image = item.querySelector("img");
  if (run.sheet && image.dataset.url !== run.sheet.url) {
    image.dataset.url = run.sheet.url;
    loadImage(image, new URL(run.sheet.url, baseUrl).href);
  }
}

document.addEventListener("visibilitychange", poll);
