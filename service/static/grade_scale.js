// Input of a grade from 0 to 1: by a key, a button, or a slider.
//
//     a person -> [grade_scale] -> grade
//
// A digit key is that many tenths; the left arrow is 0 and the right one is 1. Knows no picture.

import {texts} from "./texts_grade.js";

const TENTHS = 10;
const UNDO_KEYS = ["Backspace", "u", "U"];
const SKIP_KEYS = ["s", "S", " "];

/** Fill `buttons` and listen to `slider`; `on`: {grade(score), undo(), skip(), active()}. */
export function createScale(buttons, slider, on) {
  for (let tenth = 0; tenth <= TENTHS; tenth += 1) buttons.append(gradeButton(tenth, on));
  let dragged = false;
  slider.addEventListener("pointerdown", () => { dragged = true; });
  slider.addEventListener("input", () => { slider.nextElementSibling.value = Number(slider.value).toFixed(2); });
  slider.addEventListener("change", () => { if (dragged) gradeBySlider(slider, on); dragged = false; });
  document.addEventListener("keydown", event => onKey(event, slider, on));
}

/** Set the slider back to the middle. */
export function resetSlider(slider) {
  slider.value = 0.5;
  slider.nextElementSibling.value = "";
}

function gradeBySlider(slider, on) {
  on.grade(Number(slider.value));
}

function onKey(event, slider, on) {
  const {key, target} = event;
  if (!on.active() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("select, input:not([type=range])")) return;
  if (target === slider && (key.startsWith("Arrow") || key === "Enter")) {
    if (key === "Enter") gradeBySlider(slider, on);
    return;
  }
  if (key === " " && target.closest("button, a, summary")) return; // it presses the focused control
  const action = actionOf(key, on);
  if (!action) return;
  event.preventDefault();
  action();
}

function actionOf(key, on) {
  if (/^[0-9]$/.test(key)) return () => on.grade(Number(key) / TENTHS);
  if (key === "ArrowLeft") return () => on.grade(0);
  if (key === "ArrowRight") return () => on.grade(1);
  if (UNDO_KEYS.includes(key)) return on.undo;
  return SKIP_KEYS.includes(key) ? on.skip : undefined;
}

function gradeButton(tenth, on) {
  const score = tenth / TENTHS;
  const text = String(score).replace("0.", ".");
  const button = Object.assign(document.createElement("button"), {type: "button", textContent: text});
  button.setAttribute("aria-label", texts.grade.gradeButton(score));
  button.style.setProperty("--tenth", tenth);
  button.addEventListener("click", () => on.grade(score));
  return button;
}
