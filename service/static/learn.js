// Learning: a round of fine-tuning with the grades so far, which a person asks for at the end of grading.
//
//     grade -> [learn] -> ask_once -> POST /rounds
//                     `-> GET /rounds -> round_view, before_after -> a person
//
// Shows the last round of a model, whichever window or person asked for it. Looking asks for no key, a button does.

import {showError} from "./alert.js";
import {fetchModels, request} from "./api.js";
import {askOnce, oneAtATime, sendLeft} from "./ask_once.js";
import {onStoredElsewhere} from "./browser.js";
import {Poll} from "./poll.js";
import {fillRound} from "./round_view.js";
import {commandLine} from "./shell.js";
import {texts} from "./texts_training.js";
import {isHeld, isOpen, pauseMs, showCommand} from "./training_view.js";

const NOTHING = {graders: [], trainers: [], command: null};
const view = document.querySelector("#grade .learn");
const [form, graders, noTrainer, problem, roundPart, force, outcome, keep, undo, cancel] = [
  "form", ".graders", ".no-trainer", ".why-not", ".round", ".force", ".outcome", ".keep", ".undo", ".cancel",
].map(selector => view.querySelector(selector));
let model; // its name; undefined while nothing is shown
let isAtEnd; // of a batch
let allSaved; // resolves to whether all grades are
let known; // what GET /rounds said last
let round;
let choice; // "open", or "past" where another version draws by now, of a round that is done, once that is known
let beforeAfter; // the module

const roundOf = answer => (answer.rounds ? answer.rounds[0] : answer);
const poll = new Poll({
  path: () => (round && isHeld(round) ? `rounds/${round.id}` : `rounds?${new URLSearchParams({model, limit: 1})}`),
  show(answer) {
    problem.textContent = "";
    if (answer.rounds) known = answer;
    if (roundOf(answer)?.id !== round?.id) choice = undefined;
    round = roundOf(answer);
    render();
  },
  pauseMs: answer => pauseMs(roundOf(answer)),
  failed(error) { // a key will do, or it is not for this person
    problem.textContent = error.needsKey ? "" : error.message;
    render();
  },
  asksForKey: false,
});
const stored = () => `round ${model}`;

/** Show what a model can learn, and its last round. `hasEnded`: a batch is graded; `saved` resolves to whether all is stored. */
export function show(name, {hasEnded, saved}) {
  [isAtEnd, allSaved] = [hasEnded, saved];
  if (model === name) {
    poll.now();
    return render();
  }
  [model, known, round, choice, problem.textContent] = [name, NOTHING, undefined, undefined, ""];
  render();
  sendLeft(stored(), () => poll.now());
  return poll.start();
}

/** Show nothing, as long as pictures are graded or another view is shown. */
export function hide() {
  model = undefined;
  view.hidden = true;
  beforeAfter?.hideBeforeAfter();
  poll.stop();
}

function render() {
  const [open, isRefused] = [isOpen(round), problem.textContent !== ""];
  const isUndecided = round?.state === "done" && !round.decision && choice !== "past";
  view.hidden = !(isAtEnd || round || known.graders.length);
  form.hidden = open || isUndecided || isRefused;
  fillGraders();
  noTrainer.hidden = known === NOTHING || known.trainers.length > 0 || isRefused || (open ? round.state !== "waiting" : isUndecided);
  const withPictures = known.command !== null;
  noTrainer.querySelector(".known").hidden = !withPictures;
  noTrainer.querySelector(".unknown").hidden = withPictures;
  const options = [...leftOut().map(one => ["--without", one]), ...chosen().map(([name, value]) => [`--${name}`, value])];
  showCommand(noTrainer, withPictures ? [known.command, ...options.map(words => commandLine(...words))].join(" ")
    : commandLine("zoetrope", "trainer", "--pictures", `${model}=FOLDER`));
  roundPart.hidden = !round;
  if (round) fillRound(view, round, choice);
  showOutcome();
}

/** Graders, where there are several; a choice stays when others come. */
function fillGraders() {
  graders.hidden = known.graders.length < 2;
  const before = new Map([...graders.querySelectorAll("label")].map(label => [label.firstChild.value, label]));
  const labels = known.graders.map(({grader, grades}) => {
    const label = before.get(grader) ?? newGrader(grader);
    label.lastChild.textContent = texts.learn.grader(grader, grades);
    return label;
  });
  if (labels.length !== before.size || labels.some(label => !label.isConnected)) graders.lastElementChild.replaceChildren(...labels);
}

function newGrader(value) {
  const label = Object.assign(document.createElement("label"), {className: "check"});
  label.append(Object.assign(document.createElement("input"), {type: "checkbox", checked: true, value}), document.createElement("span"));
  return label;
}

const leftOut = () => [...graders.querySelectorAll("input:not(:checked)")].map(({value}) => value);

/** How far and how long it goes, where a person has chosen: [name, value] of each. */
const chosen = () => ["strength", "kimg"].map(name => [name, Number(form.elements[name].value)]).filter(([, value]) => value);

/** Before and after, as long as a person may choose between them. */
async function showOutcome() {
  const shown = round;
  const isDone = shown?.state === "done" && shown.decision !== "undone";
  outcome.hidden = !isDone || choice !== "open";
  keep.hidden = shown?.decision !== null;
  if (!isDone) return beforeAfter?.hideBeforeAfter();
  try {
    beforeAfter ??= await import("./before_after.js"); // not needed before
    const found = await beforeAfter.showBeforeAfter(outcome, shown);
    if (shown !== round || found === undefined || found === choice) return undefined;
    choice = found;
    return render();
  } catch (error) {
    return showError(error);
  }
}

const act = oneAtATime(() => poll.now());
const post = what => act(async () => {
  await request(`rounds/${round.id}/${what}`, {});
  return fetchModels({refresh: true});
});

const ask = options => act(async () => await allSaved() && askOnce(stored(), "rounds", {model, ...options}));

form.addEventListener("submit", event => {
  event.preventDefault();
  ask({without: leftOut(), ...Object.fromEntries(chosen())});
});
form.addEventListener("change", render);
force.addEventListener("click", () => {
  const {without, strength, kimg} = round;
  ask({without, strength, kimg, force: true});
});
cancel.addEventListener("click", () => post("cancel"));
keep.addEventListener("click", () => post("keep"));
undo.addEventListener("click", () => post("undo"));
onStoredElsewhere(name => { if (model !== undefined && name === stored()) poll.now(); });
