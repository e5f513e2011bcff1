// Router: the address bar says which view is shown and what it shows, so a link shows everyone the same.
//
//     address bar <-> [router] <-> app, start, look, walk, play, grade, runs
//
// A route is a view and a query after the #: #look?model=mnist&seed=7. Knows the views by name only.

export const VIEWS = ["start", "look", "walk", "play", "grade", "compare", "runs", "collection"];
const remembered = new Map();

/** {view, query: URLSearchParams} of the address bar; the view Start by default. */
export function currentRoute() {
  const [view, query = ""] = location.hash.slice(1).split(/\?(.*)/s);
  return VIEWS.includes(view) ? {view, query: new URLSearchParams(query)} : {view: "start", query: new URLSearchParams()};
}

/** A link to a view. `query`: name -> text, or a list of texts; undefined and empty ones are left out. */
export function hrefFor(view, query) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map(one => [name, one]));
  const text = pairs
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replaceAll("%2F", "/")}`)
    .join("&");
  return `#${view}${text && "?"}${text}`;
}

/** Go to a route. `replace`: without a new entry in the browser's history. */
export function navigate(view, query, {replace = false, state = null} = {}) {
  const link = hrefFor(view, query);
  history[replace || link === location.hash ? "replaceState" : "pushState"](state, "", link);
  dispatchEvent(new Event("route"));
}

/** Let the address bar, and the link to the view, say what the view shows already; returns the link. */
export function rewriteRoute(view, query) {
  const link = hrefFor(view, query);
  if (link !== location.hash) history.replaceState(history.state, "", link);
  for (const one of document.querySelectorAll(`[data-view=${view}]`)) one.href = link;
  return link;
}

/** Call `render` now and after every change of the route. */
export function onRouteChange(render) {
  addEventListener("popstate", render);
  addEventListener("route", render);
  render();
}

/** Remember what a view showed of a model, to show it again when a person comes back to the view. */
export function rememberRoute(view, model, query) {
  remembered.set(`${view} ${model}`, query);
}

/** What a view last showed of a model, as a query for `hrefFor`. */
export const recallRoute = (view, model) => remembered.get(`${view} ${model}`) ?? {model};
