// The page /models/NAME in a browser: what one model draws, how well, from what, and how fast here.
//
//     GET /models/NAME -> [model_page] -> model_versions
//
// All sentences are in the templates of model.html; this computes their values. What is not in the card is left out
// there, or said to be missing.

import {showError} from "./alert.js";
import {request} from "./api.js";
import {showSheet, showStrip, studioLink, summaryOf} from "./model_summary.js";
import {say, showVersions} from "./model_versions.js";
import {commandLine} from "./shell.js";
import {instance} from "./template.js";
import {texts} from "./texts_models.js";

const CLASSES_SHOWN = 20;
const CLASS_PICTURES = 4;
const CLASS_PICTURE_PX = 56;
const SHEET_SIDE_PX = 480;
const MOST_SHEET_SIDE = 8; // pictures
const words = texts.models;
const {number, percent} = words;
const SCORES = {
  precision: percent, recall: percent, class_agreement: percent, coverage: percent, near_share: percent, density: number,
  kernel_distance: number, class_kl: number, nearest_ratio: number, reconstruction_psnr_db: number, inception_fid: number,
};
// What real pictures get, where the card has no floor of the same name.
const REAL = {
  class_agreement: scores => scores.evaluator_accuracy, kernel_distance: scores => scores.kernel_floor, near_share: () => 0.01,
  nearest_ratio: () => 1,
};
const NEED_CLASSES = ["class_agreement", "usefulness"];
const content = document.querySelector(".content");
const requested = decodeURIComponent(location.pathname.split("/").at(-1));

async function render() {
  try {
    const details = await (await request(`models/${encodeURIComponent(requested)}`)).json();
    const {card} = details;
    document.title = `Zoetrope · ${card.name}`;
    const side = Math.max(2, Math.min(MOST_SHEET_SIDE, Math.floor(SHEET_SIDE_PX / card.image.width)));
    content.replaceChildren(instance("page", {...valuesOf(details), sheet: side * side}));
    showMeters(card.scores);
    showLinks(details);
    showClasses(card);
    showVersions(details, render);
    const sheet = content.querySelector(".sheet img");
    sheet.style.setProperty("--aspect", `${card.image.width} / ${card.image.height}`);
    await showSheet(sheet, card, side * side);
    sheet.classList.toggle("pixels", sheet.naturalWidth < SHEET_SIDE_PX);
  } catch (error) {
    showError(error);
  }
}

const sum = numbers => numbers.reduce((one, other) => one + other, 0);

function valuesOf({card, engine, instruction_set, parameters, vouched, speed, files, versions, is_current: isCurrent}) {
  const {training, compute, fidelity, scores} = card;
  return {
    ...summaryOf(card), ...scoresOf(card), engine, instruction_set,
    current: !isCurrent && words.short(versions[0]), bytes: words.size(sum(files.map(file => file.size_bytes))),
    digest: training.data_digest, licence: training.licence, unlicensed: training.licence === null, preset: training.preset,
    parent: training.parent?.name, parent_version: training.parent && words.short(training.parent.version),
    parent_data: training.parent?.data, shown: number(training.images_shown), time: words.time(training.seconds),
    options: JSON.stringify(training.options, null, 1), parameters: number(parameters),
    ...Object.fromEntries(vouched.flatMap(one => [
      [one, number(fidelity[one].images)], [`${one}_worst`, number(fidelity[one].worst_db)],
      [`${one}_median`, number(fidelity[one].median_db)]])),
    rate: speed.images_per_s && number(speed.images_per_s), least: !speed.images_per_s && number(speed.warm_up_images_per_s),
    single: speed.single_ms && number(speed.single_ms), card_rate: scores.images_per_s && number(scores.images_per_s),
    card_rate_on: scores.images_per_s_on, work: compute && words.large(compute.multiply_adds),
    conv_share: compute && percent(compute.conv_share), benchmark: commandLine("zoetrope", "benchmark", card.name),
    evaluate: commandLine("zoetrope", "evaluate", `models/${card.name}`, "PICTURES"),
  };
}

function scoresOf({classes, scores, scores_elsewhere: elsewhere}) {
  const {fd_ratio: ratio, usefulness, leaks, controls} = scores;
  const blur = controls?.["blur 1"];
  const missing = Object.keys(words.scores).filter(name => (
    scores[name] === null && (classes || !NEED_CLASSES.includes(name))));
  return {
    missing: missing.map(name => words.scores[name]).join(", "), usefulness: usefulness?.sentence, leaks: leaks?.sentence,
    seen: leaks?.seen, nearer: blur && ratio < blur && number(blur), farther: blur && ratio >= blur && number(blur),
    measured: scores.images && number(scores.images), evaluator: scores.evaluator,
    accuracy: scores.evaluator_accuracy && percent(scores.evaluator_accuracy),
    elsewhere: elsewhere.filter(one => one.scores.fd_ratio !== null)
      .map(one => words.score(one.data, number(one.scores.fd_ratio))).join(", "),
    ...Object.fromEntries(Object.entries(usefulness ?? {}).filter(([, one]) => one?.low !== undefined)
      .map(([name, one]) => [`after_${name}`, words.estimate(one)])),
    ...Object.fromEntries(Object.keys(SCORES).filter(name => scores[name] !== null).flatMap(name => valuesOfScore(name, scores))),
  };
}

const realOf = (name, scores) => scores[`${name}_floor`] ?? REAL[name]?.(scores) ?? null;

function valuesOfScore(name, scores) {
  const [format, real, interval] = [SCORES[name], realOf(name, scores), scores.intervals?.[name]];
  const notes = [
    ...(real === null ? [] : [words.real(format(real))]),
    ...(interval ? [words.interval(...interval.map(format))] : []),
    ...(scores.too_few?.includes(name) ? [words.tooFew] : []),
  ];
  return [
    [name, format(scores[name])], [`${name}_notes`, notes.join("; ")], [`${name}_100`, Math.round(100 * scores[name])],
    [`${name}_real`, Math.round(100 * real)],
  ];
}

/** Shares as bars with a line for real pictures; the FD ratio between real pictures and noise, on a logarithmic scale. */
function showMeters(scores) {
  for (const meter of content.querySelectorAll("[data-meter]")) {
    meter.style.setProperty("--value", scores[meter.dataset.meter]);
    meter.style.setProperty("--real", realOf(meter.dataset.meter, scores));
  }
  const {fd_ratio: here, controls} = scores;
  const ruler = content.querySelector(".ruler");
  ruler.hidden = here === null || !(controls?.noise > 1);
  if (ruler.hidden) return;
  const marks = {real: 1, blurred: controls["blur 1"], noise: controls.noise, here};
  for (const [className, at] of Object.entries(marks).filter(([, value]) => value)) {
    const textContent = words.score(words.ruler[className], number(at));
    const mark = Object.assign(document.createElement("span"), {className, textContent});
    mark.style.setProperty("--at", Math.min(1, Math.log(Math.max(1, at)) / Math.log(controls.noise)));
    ruler.append(mark);
  }
}

function showLinks({card, versions, files}) {
  const other = versions.find(version => version !== card.version);
  const compared = other ? {left: `${card.name}@${other}`, right: `${card.name}@${card.version}`} : {left: card.name};
  const links = {look: {model: requested}, walk: {model: requested}, compare: compared};
  for (const [view, query] of Object.entries(links)) content.querySelector(`.to-${view}`).href = studioLink(view, query);
  for (const link of document.querySelectorAll("nav a")) link.href = studioLink(link.dataset.view, {model: requested});
  content.querySelector(".download").addEventListener("click", ({target}) => download(card, target));
  content.querySelector("tbody").append(...files.map(({name, size_bytes: bytes, sha256}) => (
    instance("file", {name, size: words.size(bytes), sha256: sha256 ?? "–"}))));
}

function showClasses(card, most = CLASSES_SHOWN) {
  const section = content.querySelector("#classes");
  if (!section) return;
  const total = sum(card.classes.map(({count}) => count));
  const button = section.querySelector(".all");
  section.querySelector("ul").replaceChildren(...card.classes.slice(0, most).map(({name, count}) => {
    const made = instance("class", {name, count: number(count), share: percent(count / total)});
    showStrip(made.querySelector(".strip-of"), card, CLASS_PICTURES, CLASS_PICTURE_PX, name);
    return made;
  }));
  button.hidden = card.classes.length <= most;
  button.onclick = () => {
    showClasses(card, card.classes.length);
    section.querySelectorAll("li")[most].querySelector("a").focus();
  };
}

async function download({name, version}, button) {
  const file = `${name}-${version}.zip`;
  button.disabled = true;
  say(words.downloading);
  try {
    const href = URL.createObjectURL(await (await request(`models/${name}/${version}/bundle.zip`)).blob());
    Object.assign(document.createElement("a"), {href, download: file}).click();
    setTimeout(() => URL.revokeObjectURL(href), 60_000);
    say(words.downloaded(file));
  } catch (error) {
    say("");
    showError(error);
  }
  button.disabled = false;
  button.focus();
}

render();
