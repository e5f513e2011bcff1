// A round of fine-tuning as it goes: its state in words, how far it is, and the newest sheet of its run.
//
//     learn -> [round_view] -> training_view, GET /runs/{name}
//
// Asks for nothing but the sheet.

import {request} from "./api.js";
import {hrefFor} from "./router.js";
import {texts} from "./texts_training.js";
import {fillProgress, fillTraining, isHeld, isOpen, showSheet} from "./training_view.js";

let withoutSheets; // run whose files the service does not have

/** Fill in what GET /rounds says of a round; `choice`: see learn.js. */
export function fillRound(part, round, choice) {
  const find = selector => part.querySelector(selector);
  const {run, images} = round.progress;
  fillTraining(part, round, texts.learn.state(round, choice));
  find(".progress").hidden = !isHeld(round) || !images;
  if (images) fillProgress(part, {...round.progress, state: "training", images_planned: images});
  find(".cancel").hidden = !isOpen(round) || round.cancels;
  find(".force").hidden = !round.force_helps;
  find("figure").hidden = !isOpen(round) || !run || find("img").dataset.run !== run;
  if (isHeld(round) && run && run !== withoutSheets) showNewestSheet(part, run);
}

/** The newest sheet of the run; none where its files are on another machine. */
async function showNewestSheet(part, name) {
  try {
    const {run, sheets} = await (await request(`runs/${encodeURIComponent(name)}`, undefined, {once: true, asksForKey: false})).json();
    const [image, caption, link] = ["img", "figcaption span", "figcaption a"].map(selector => part.querySelector(selector));
    const sheet = sheets.at(-1);
    if (!sheet) return;
    showSheet(image, sheet);
    image.dataset.run = name;
    image.alt = caption.textContent = texts.runs.sheet(sheet, run.parent);
    link.href = hrefFor("runs", {name});
    part.querySelector("figure").hidden = false;
  } catch (error) {
    if (!error.retryable) withoutSheets = name;
  }
}
