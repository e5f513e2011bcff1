// Runs that a person asks for: a folder, a name and minutes; then the plan and its question; stop, and go on.
//
//     runs -> [run_request] -> ask_once -> POST /runs
//                          `-> GET /run-requests -> a person
//
// Knows what was asked for and how a trainer takes it; how a training goes is in run_view.

import {showError} from "./alert.js";
import {baseUrl, fetchModels, request} from "./api.js";
import {askOnce, oneAtATime, sendLeft} from "./ask_once.js";
import {Poll} from "./poll.js";
import {hrefFor, navigate} from "./router.js";
import {commandLine} from "./shell.js";
import {texts} from "./texts_training.js";
import {fillList, fillTraining, isOpen, pauseMs, showCommand} from "./training_view.js";

const STORED = "run";
const view = document.getElementById("runs");
const [form, part] = [".start-run", ".asked"].map(selector => view.querySelector(selector));
const [plan, question, confirm, goOn, stop, watch, look, noTrainer] = [
  ".plan", ".question", ".confirm", ".continue", ".stop", ".watch", ".look", ".no-trainer",
].map(selector => part.querySelector(selector));
let shownName; // of the run that is looked at; "" for the list
let asked; // the last run that was asked for, of that name or of any
let onAsked;

const poll = new Poll({
  path: () => `run-requests?${new URLSearchParams({...(shownName && {name: shownName}), limit: 1})}`,
  show({runs, trainers}) {
    [asked] = runs;
    render(trainers);
    onAsked(asked);
  },
  pauseMs: ({runs: [one]}) => pauseMs(one),
  failed: showError,
});

/** Show what was asked for of a run, or with "" a form to ask for one; `listener` gets what was asked for, if anything. */
export function show(name, listener) {
  [shownName, onAsked] = [name, listener];
  form.hidden = part.hidden = true;
  if (!name) fillFolders();
  sendLeft(STORED, () => poll.now());
  poll.start();
}

/** Called before another view is shown. */
export function leave() {
  poll.stop();
}

async function fillFolders() {
  try {
    const {folders} = await (await request("picture-folders", undefined, {once: true})).json();
    const {value} = form.elements.folder;
    form.elements.folder.replaceChildren(...folders.map(folder => new Option(folder)));
    if (folders.includes(value)) form.elements.folder.value = value;
  } catch (error) {
    showError(error);
  }
}

function render(trainers) {
  const open = isOpen(asked);
  form.hidden = Boolean(shownName) || open; // one run at a time
  part.hidden = !asked || !(shownName || open);
  if (part.hidden) return;
  const {name, state, question: toReplace, progress} = asked;
  part.querySelector("h2").textContent = texts.asked.title(asked);
  fillTraining(part, asked, texts.asked.state(asked));
  const isPlanned = state === "planned";
  fillList(plan, isPlanned ? asked.plan : []);
  question.textContent = (isPlanned && toReplace) || "";
  confirm.textContent = toReplace ? texts.asked.replace : texts.asked.confirm;
  stop.textContent = isPlanned ? texts.asked.decline : texts.asked.stop;
  confirm.hidden = !isPlanned;
  goOn.hidden = state !== "stopped";
  stop.hidden = !open || asked.stops;
  watch.hidden = Boolean(shownName) || !progress.run;
  watch.href = hrefFor("runs", {name});
  look.hidden = state !== "done";
  look.href = hrefFor("look", {model: name});
  noTrainer.hidden = trainers.length > 0 || !["waiting", "planned"].includes(state);
  showCommand(noTrainer, commandLine("zoetrope", "trainer", "--service", baseUrl.replace(/\/$/, "")));
}

const act = oneAtATime(() => poll.now());
const post = (what, body = {}) => act(() => request(`runs/${encodeURIComponent(asked.name)}/${what}`, body));

form.addEventListener("submit", event => {
  event.preventDefault();
  const [folder, name, minutes] = ["folder", "name", "minutes"].map(field => form.elements[field].value.trim());
  act(async () => {
    await askOnce(STORED, "runs", {folder, name, minutes: Number(minutes)});
    navigate("runs", {name});
    return true;
  });
});
confirm.addEventListener("click", () => post("confirm", {replace: Boolean(asked.question)}));
goOn.addEventListener("click", () => post("continue"));
stop.addEventListener("click", () => post("stop"));
look.addEventListener("click", async event => { // a model that the page may not know of yet
  event.preventDefault();
  await fetchModels({refresh: true}).catch(() => {});
  navigate("look", {model: asked.name});
});
