// Runs: training on this machine as it goes, as a list of runs, or as one run; and those that a person asks for.
//
//     app -> [runs] -> GET /runs, GET /runs/{name} -> run_view
//                  `-> run_request
//
// Asks again every few seconds while it is seen; what has not changed is not sent (its ETag) nor drawn again.

import {showError} from "./alert.js";
import {Poll} from "./poll.js";
import {hrefFor} from "./router.js";
import * as runRequest from "./run_request.js";
import * as runView from "./run_view.js";
import {texts} from "./texts_training.js";
import {showSheet} from "./training_view.js";

const [TRAINING_MS, IDLE_MS] = [2000, 10_000];
const PATIENCE_MS = 4000; // where it cannot be known what was asked for, a run is shown all the same
const view = document.getElementById("runs");
const [list, none, refused, allRuns] = [".run-list", ".none", ".refused", ".all-runs"].map(selector => view.querySelector(selector));
let name; // of a run, or "" for the list
let hasFiles; // has the run some, as far as what was asked for says?
let askedState;
let patience;

const poll = new Poll({
  path: () => (name ? `runs/${encodeURIComponent(name)}` : "runs"),
  show: found => (name ? runView.show(found) : showList(found)),
  pauseMs: ({runs, run}) => ((runs ?? [run]).some(({state}) => state === "training") ? TRAINING_MS : IDLE_MS),
  failed: showError,
});

/** Show the run that the query names, or all of them. */
export function show(query) {
  leave();
  name = query.get("name") ?? "";
  list.hidden = none.hidden = refused.hidden = true;
  allRuns.hidden = !name;
  if (!name) {
    hasFiles = true;
    poll.start();
  }
  patience = setTimeout(follow, PATIENCE_MS);
  runRequest.show(name, follow);
}

/** Called before another view is shown. */
export function leave() {
  clearTimeout(patience);
  poll.stop();
  runRequest.leave();
  runView.hide();
  hasFiles = false;
}

/** A run that was asked for has files from its first step on, and one that was not has them. */
function follow(asked) {
  clearTimeout(patience);
  const isNews = askedState !== asked?.state;
  const had = hasFiles;
  askedState = asked?.state;
  hasFiles = !name || !asked || asked.progress.run !== null || asked.state === "done";
  if (!hasFiles) {
    poll.stop();
    runView.hide();
  } else if (!had) poll.start();
  else if (isNews) poll.now();
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
  runView.fillRun(item, run);
  if (run.sheet) showSheet(item.querySelector("img"), run.sheet);
}
