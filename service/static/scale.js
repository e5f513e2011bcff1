// A grade from 0 to 1: by one key, by one click, or by a drag.
//
//     a person -> [scale] -> grade
//
// A digit is that many tenths; the left arrow is 0 and the right one is 1. Knows no picture.

const TENTHS = 10;
const UNDO = ["Backspace", "u", "U"];
const SKIP = ["s", "S", " "];

/** Fill `buttons` and follow `range`; `on`: {grade(score), undo(), skip(), active()}. */
export function scale(buttons, range, on) {
  for (let tenth = 0; tenth <= TENTHS; tenth += 1) buttons.append(button(tenth, on));
  let dragged = false;
  range.addEventListener("pointerdown", () => { dragged = true; });
  range.addEventListener("input", () => { range.nextElementSibling.value = Number(range.value).toFixed(2); });
  range.addEventListener("change", () => { if (dragged) take(range, on); dragged = false; });
  document.addEventListener("keydown", event => key(event, range, on));
}

/** The drag begins in the middle again. */
export function rest(range) {
  range.value = 0.5;
  range.nextElementSibling.value = "";
}

function take(range, on) {
  on.grade(Number(range.value));
}

function key(event, range, on) {
  const {key: pressed, target} = event;
  if (!on.active() || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (target.matches("select, input:not([type=range])")) return;
  if (target === range && (pressed.startsWith("Arrow") || pressed === "Enter")) {
    if (pressed === "Enter") take(range, on);
    return;
  }
  if (pressed === " " && target.closest("button, a, summary")) return; // it presses what has the focus
  const act = actOf(pressed, on);
  if (!act) return;
  event.preventDefault();
  act();
}

function actOf(pressed, on) {
  if (/^[0-9]$/.test(pressed)) return () => on.grade(Number(pressed) / TENTHS);
  if (pressed === "ArrowLeft") return () => on.grade(0);
  if (pressed === "ArrowRight") return () => on.grade(1);
  if (UNDO.includes(pressed)) return on.undo;
  return SKIP.includes(pressed) ? on.skip : undefined;
}

function button(tenth, on) {
  const score = tenth / TENTHS;
  const made = Object.assign(document.createElement("button"), {type: "button", textContent: String(score).replace("0.", ".")});
  made.setAttribute("aria-label", `Grade ${score}`);
  made.style.setProperty("--tenth", tenth);
  made.addEventListener("click", () => on.grade(score));
  return made;
}
