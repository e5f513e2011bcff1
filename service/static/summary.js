// What the grades have done so far: how the versions of a model were liked, and how steady the grader is.
//
//     GET /ratings/summary -> [summary] -> a person

import {ask} from "./ask.js";

/** Shown in words; two grades at random differ by a third. */
const STEADINESS = [[0.05, "hardly at all"], [0.15, "little"], [0.27, "quite a bit"], [Infinity, "about as much as chance would"]];

/** Fill `element` with what is known of a model's grades by `grader`, or by everybody. */
export async function summarise(element, model, grader) {
  const query = new URLSearchParams({model, ...(grader && {grader})});
  const {grades, versions, consistency} = await (await ask(`ratings/summary?${query}`)).json();
  element.hidden = grades === 0;
  element.querySelector("ol").replaceChildren(...versions.map(row));
  element.querySelector(".steady").textContent = steadiness(consistency);
}

function row({version, grades, mean_score: mean, current}) {
  const one = document.createElement("li");
  const bar = Object.assign(document.createElement("span"), {className: "bar-of"});
  bar.style.setProperty("--mean", mean);
  const name = Object.assign(document.createElement("code"), {textContent: version.slice(0, 6), title: version});
  const told = `${mean.toFixed(2)} in ${grades} ${grades === 1 ? "grade" : "grades"}${current ? ", draws now" : ""}`;
  one.append(name, bar, Object.assign(document.createElement("span"), {textContent: told}));
  return one;
}

function steadiness(consistency) {
  if (!consistency?.pairs) return "Some pictures come a second time, so that you see how steady your grades are. None did yet.";
  const {pairs, mean_difference: difference} = consistency;
  const [, words] = STEADINESS.find(([below]) => difference <= below);
  const times = pairs === 1 ? "One picture came" : `${pairs} pictures came`;
  return `${times} to you again, and your two grades differ ${words}: by ${difference.toFixed(2)} on average.`;
}
