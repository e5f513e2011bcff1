// Every text that JavaScript shows in Grade, so that the page can be translated.
//
//     texts_page -> [texts_grade] -> grade, grade_panel, grade_scale
//
// Strings, and small functions that put values into a sentence. Knows neither elements nor requests.

import {plural} from "./texts_numbers.js";
import {short, texts as ofPage} from "./texts_page.js";

export const texts = {
  ...ofPage,

  grade: {
    continues: grader => `You continue where you stopped, as ${grader}.`,
    storedHere: message => (
      `${message} Your grades are stored in this browser and will be sent when the service answers again.`),
    needsKey: message => `${message} Your grades are stored in this browser. Enter a key to send them.`,
    refused: message => `${message} The last grades of this batch cannot be saved; start another one.`,
    newVersion: (name, version, before) => (
      `A new version of ${name} draws these pictures: ${short(version)}, after ${short(before)}.`),
    onItsWay: "The picture is still on its way, so nothing was graded.",
    outOfSight: "The picture was not in sight, so nothing was graded. Here it is.",
    elsewhere: "Graded in another window.",
    skipped: "Skipped",
    graded: score => `Graded ${score}`,
    undone: "Undone",
    announce: (action, next) => `${action}. ${next ?? "That was the last one."}`,
    gradeButton: score => `Grade ${score}`,
    alt: (number, label) => `Picture ${number}${label === undefined ? "" : `, ${label}`}`,
    altGraded: (alt, score) => `${alt}: ${score}`,
    progress: (number, count) => `${number} of ${count}`,
    finished: (graded, count) => `${graded} of ${count} pictures graded`,
    noneLiked: neither => `None of these: you gave no picture more than ${neither}.`,
    saved: "All grades are saved.",
    unsent: count => `${count} not sent yet.`,
    versionRow: (mean, grades, current) => (
      `${mean.toFixed(2)} in ${plural(grades, "grade", "grades")}${current ? ", current" : ""}`),
  },

  consistency: {
    none: "Some pictures are shown twice, to see how consistent your grades are. None was so far.",
    // Upper ends of the mean difference of two grades of a picture; random grades differ by a third.
    words: [
      [0.05, "hardly at all"], [0.15, "little"], [0.27, "quite a bit"],
      [Infinity, "about as much as random grades would"],
    ],
    found: (pairs, words, difference) => (
      `${pairs === 1 ? "One picture was" : `${pairs} pictures were`} shown to you again, and your two grades differ `
      + `${words}: by ${difference.toFixed(2)} on average.`),
  },
};
