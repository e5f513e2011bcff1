// The versions of a model, before and after: scores, the same addresses drawn by each, and which is the current one.
//
//     GET /models/NAME -> [model_versions] -> POST /models/NAME/current
//
// Pictures of an older version are drawn when they come into sight, or on request: the service loads it for them.

import {showError} from "./alert.js";
import {request} from "./api.js";
import {pageOf, showStrip, studioLink} from "./model_summary.js";
import {instance} from "./template.js";
import {texts} from "./texts_models.js";

const PICTURES = 8;
const PICTURE_PX = 72;
const DRAWN_AT_ONCE = 2; // versions
const words = texts.models;
const {number, percent, short} = words;
const SCORES = {fd_ratio: number, precision: percent, recall: percent, class_agreement: percent};
const dialog = document.getElementById("restore");
const toast = document.getElementById("toast");
const [status, undo] = [toast.querySelector("p"), toast.querySelector("button")];

/** Tell what happens, or what has happened, in a line at the end of the window. */
export function say(text) {
  status.textContent = text;
  undo.hidden = true;
}

/** List the versions of a model; `render` shows the page again when another one is the current one. */
export function showVersions(details, render) {
  const {card, history, versions} = details;
  document.querySelector("#versions ol").append(...history.map((one, at) => {
    const made = instance("version", valuesOf(one, details));
    const [pictures, draw] = [".strip-of", ".draw"].map(selector => made.querySelector(selector));
    const show = () => showStrip(pictures, {...card, version: one.version}, PICTURES, PICTURE_PX);
    const atOnce = one.version === card.version || at < DRAWN_AT_ONCE;
    if (atOnce && !one.fault) show();
    if (atOnce || one.fault) draw.remove();
    else draw.addEventListener("click", () => { show(); draw.remove(); pictures.querySelector("a").focus(); });
    const model = `${card.name}@${one.version}`;
    setLink(made, ".to-compare", studioLink("compare", {left: model, right: `${card.name}@${card.version}`}));
    setLink(made, ".to-page", pageOf(model));
    made.querySelector(".restore")?.addEventListener("click", () => ask(card.name, one.version, versions[0], render));
    return made;
  }));
}

function setLink(made, selector, href) {
  const link = made.querySelector(selector);
  if (link) link.href = href;
}

function valuesOf({version, is_current: isCurrent, fault, scores, lineage}, {card, history}) {
  const found = Object.keys(SCORES).filter(name => scores[name] !== null);
  const changes = Object.entries(lineage?.before ?? {}).filter(([name, before]) => before !== null && lineage.after[name] !== null);
  const [isHere, isOnly] = [version === card.version, history.length === 1];
  return {
    version: short(version), isCurrent, isHere, fault, isOnly, isOther: !isHere, canRestore: !isCurrent && !fault,
    scores: found.map(name => words.score(words.scores[name], SCORES[name](scores[name]))).join(" · "), unmeasured: !found.length,
    parent: lineage && short(lineage.parent), grades: lineage && number(lineage.grades), update: lineage?.update,
    strength: lineage?.strength, agreement: lineage && percent(lineage.agreement),
    ...Object.fromEntries(changes.flatMap(([name, before]) => [
      [name, number(before)], [`${name}_after`, number(lineage.after[name])]])),
  };
}

function ask(name, version, current, render) {
  dialog.querySelector(".asked").replaceChildren(instance("question", {name, version: short(version), current: short(current)}));
  dialog.querySelector(".main").onclick = () => { dialog.close(); restore(name, version, render); };
  dialog.showModal();
}

/** Make a version the current one; the button that has the focus then puts back what it replaced. */
async function restore(name, version, render) {
  say(words.changing);
  try {
    const {replaced, is_served: served} = await (await request(`models/${name}/current`, {version})).json();
    await render();
    say(words.changed(name, version, served));
    undo.hidden = false;
    undo.onclick = () => restore(name, replaced, render);
    undo.focus();
  } catch (error) {
    say("");
    showError(error);
  }
}

dialog.querySelector(".cancel").addEventListener("click", () => dialog.close());
