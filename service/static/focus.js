// Focus that is never lost: where the element that has it is removed, hidden or disabled, the next one gets it.
//
//     document -> [focus] -> the element at the same place, or the heading of the view
//
// Knows no view.

const FOCUSABLE = "a[href], button, input, select, summary, [tabindex]";
let path = []; // of the element that had the focus last: [{element, at}] from inside to outside, `at` among its siblings
let isDue = false;

const isUsable = element => element.isConnected && !element.disabled && element.checkVisibility();

function remember({target}) {
  path = [];
  for (let element = target; element.parentElement; element = element.parentElement) {
    path.push({element, at: [...element.parentElement.children].indexOf(element)});
  }
}

/** A person who clicks next to all controls gives the focus up. */
function forget({target}) {
  if (!target.closest(FOCUSABLE)) path = [];
}

function restore() {
  isDue = false;
  const active = document.activeElement;
  if (!path.length || (active !== document.body && isUsable(active)) || isUsable(path[0].element)) return;
  successor()?.focus({preventScroll: true});
}

/** The control at the same place of the innermost list or part that is still there; else the heading of the view. */
function successor() {
  for (const [depth, {element}] of path.entries()) {
    if (depth === 0 || !isUsable(element)) continue;
    if (element.matches("main, body, section")) break;
    const places = [...element.children];
    const nearest = places[Math.min(path[depth - 1].at, places.length - 1)];
    const found = [nearest, element].filter(Boolean).flatMap(one => [one, ...one.querySelectorAll(FOCUSABLE)])
      .find(one => one !== element && one.matches(FOCUSABLE) && isUsable(one));
    if (found) return found;
  }
  const heading = [...document.querySelectorAll("main > section h1")].find(isUsable);
  if (heading) heading.tabIndex = -1;
  return heading;
}

document.addEventListener("focusin", remember);
document.addEventListener("pointerdown", forget);
new MutationObserver(() => {
  if (!isDue && path.length) requestAnimationFrame(restore);
  isDue = path.length > 0;
}).observe(document.body, {childList: true, subtree: true, attributes: true, attributeFilter: ["hidden", "disabled", "open"]});
