// What the address bar says: which view, and what it shows. Whoever has the link sees the same.
//
//     address bar <-> [place] <-> studio, look, walk, grade
//
// After the # stands a view and its question: #look?model=mnist&seed=7. Knows no view but by its name.

export const VIEWS = ["look", "walk", "grade"];
const remembered = new Map();

/** {view, query: URLSearchParams} of the address bar; Look, where it says nothing. */
export function read() {
  const [view, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  return VIEWS.includes(view) ? {view, query: new URLSearchParams(query)} : {view: "look", query: new URLSearchParams()};
}

/** A link to a view. `query`: name -> text, or a list of texts; what is undefined or empty is left out. */
export function link(view, query) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map(one => [name, one]));
  const text = pairs
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`)
    .join("&");
  return `#${view}${text && "?"}${text}`;
}

/** Go there. `replace`: without a step that 'back' would undo. */
export function go(view, query, {replace = false, state = null} = {}) {
  history[replace ? "replaceState" : "pushState"](state, "", link(view, query));
  dispatchEvent(new Event("place"));
}

/** Call `show` now and whenever the address bar says something else. */
export function follow(show) {
  addEventListener("popstate", show);
  addEventListener("place", show);
  show();
}

/** Remember what a view showed of a model, so that coming back to it finds it as it was. */
export function remember(view, model, query) {
  remembered.set(`${view} ${model}`, query);
}

/** What a view last showed of a model, as an object for `link`. */
export const recall = (view, model) => remembered.get(`${view} ${model}`) ?? {model};
