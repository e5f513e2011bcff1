// Every text that JavaScript shows in Learn and Runs, so that the page can be translated.
//
//     texts_page -> [texts_training] -> learn, round_view, runs, run_request, run_view, run_curves, training_view
//
// Strings, and small functions that put values into a sentence. Knows neither elements nor requests.

import {brief, count, kinds, plural, time} from "./texts_numbers.js";
import {short, texts as ofPage} from "./texts_page.js";

export const texts = {
  ...ofPage,

  training: {
    silent: "Its trainer says nothing. If it is gone, the next one goes on from there in a minute.",
    waits: "It waits for a trainer.",
    resumes: "It waits for a trainer, which goes on from where it was.",
    stops: "It stops after the step at hand.",
    copy: "Copy",
    copied: "Copied",
    notCopied: "Not allowed here",
  },

  learn: {
    grader: (grader, grades) => `${grader}: ${plural(grades, "grade", "grades")}`,
    state({state, before, after, decision, cancels, progress: {run}}, choice) {
      if (cancels) return texts.training.stops;
      if (decision === "undone") return `Undone: ${short(before)} draws again.`;
      if (state === "done" && !choice) return "It has learned. The service takes up the new version…";
      if (choice === "past") return `It has learned ${short(after)}, and another version draws by now.`;
      if (decision === "kept") return `Kept: ${short(after)} draws now.`;
      if (after) return `It has learned: before, ${short(before)}, at the left; after, ${short(after)}, at the right.`;
      return {
        waiting: run ? texts.training.resumes : texts.training.waits,
        taken: "A trainer has taken it, and reads pictures and grades.",
        training: "It learns.",
        refused: "Refused; the model is as it was.",
        failed: "It failed; the model is as it was.",
        cancelled: "Cancelled; the model is as it was.",
      }[state];
    },
  },

  asked: {
    title: ({name, folder, minutes}) => `${name}: ${plural(minutes, "minute", "minutes")} on ${folder}`,
    state({state, stops, is_confirmed: isConfirmed, version, progress: {run}}) {
      if (stops) return texts.training.stops;
      if (state === "waiting" && run && isConfirmed) return texts.training.resumes;
      return {
        waiting: isConfirmed ? texts.training.waits : "It waits for a trainer, which plans it first.",
        taken: isConfirmed ? "A trainer has taken it." : "A trainer plans it: it reads the pictures and measures its speed.",
        planned: "This is the plan.",
        training: "It trains.",
        done: version && `It is done: version ${short(version)}.`,
        refused: "It was refused.",
        failed: "It failed. What was saved stays.",
        stopped: run ? "It was stopped, and is saved." : "It was not begun.",
      }[state];
    },
    confirm: "Train it",
    replace: "Replace it",
    decline: "Do not train it",
    stop: "Stop",
  },

  runs: {
    states: {training: "Training", stopped: "Stopped", finished: "Finished"},
    state: ({state, verdict}) => (
      `${texts.runs.states[state]}${verdict && verdict !== state ? `: ${verdict}` : ""}`),
    about: ({run: {method, data}, preset, images, height, width, classes}) => (
      `${kinds[method] ?? method}${preset && `, preset ${preset}`}, from ${count(images)} pictures of `
      + `${width} × ${height} pixels${classes ? ` in ${plural(classes, "class", "classes")}` : ""} (${data}).`),
    progress: ({state, images_shown: shown, images_planned: planned, seconds, seconds_left: left}) => {
      const words = `${count(Math.min(shown, planned))} of ${count(planned)} images`; // the last step may go beyond
      if (state === "finished") return `${words}, in ${time(seconds)}`;
      if (left === null) return words;
      return `${words}, ${time(left)} ${state === "training" ? "left" : "were left"}`;
    },
    refused: (name, reason) => `The run ${name} cannot be shown: ${reason}.`,
    sheet: ({first, images_shown: shown}, parent) => {
      if (first) return `Before the first step: 256 codes through ${parent ? `the weights of ${parent}` : "random weights"}`;
      return shown === 0 ? "In the first thousand images" : `After ${count(shown / 1000)} thousand images`;
    },
    healing: ({images_shown: shown, returned_to: back, verdict, explanation, learning_rate: [rate], gamma: [gamma]}) => (
      `After ${count(shown)} images: ${verdict}. ${explanation} It went back to image ${count(back)}, and on with `
      + `learning rate ${brief(rate)} and gamma ${brief(gamma)}.`),
    charts: {
      d_loss: "Losses", g_loss: "Losses", d_wins: "Pairs ranked correctly", diversity: "Diversity (data: 1)",
      reconstruction: "Reconstruction error", kl: "KL divergence of the codes", augment_p: "Augmentation",
      overfitting: "Overfitting", near_share: "Copies of training pictures", near_limit: "Copies by chance",
      penalty: "Gradient penalty", images_per_second: "Images a second",
    },
    metrics: {
      d_loss: "discriminator", g_loss: "generator", augment_p: "probability", overfitting: "overfitting",
      near_share: "share", near_limit: "by chance",
    },
    chart: (title, curves) => `${title}. At the end: ${curves.map(({metric, values}) => (
      `${texts.runs.metrics[metric] ?? ""} ${brief(values.at(-1))}`.trim())).join(", ")}.`,
    short: value => brief(value),
  },
};
