// Entry point of the studio page: three views of what the models learned.
//
//     router -> [app] -> look, walk, grade -> HTTP
//
// Shows the view that the address bar names, with the card of its model. A view's module is loaded when it is first
// needed. Uses the public API only.

import {clearError, showError, showRefused} from "./alert.js";
import {fetchCard, fetchModels, fetchStatus, modelOptions} from "./api.js";
import {currentKey} from "./key.js";
import {currentRoute, hrefFor, navigate, onRouteChange, recallRoute} from "./router.js";
import {texts} from "./texts.js";

const MODELLESS = ["runs"]; // shown also where no model can draw
const OWN_MACHINE = ["localhost", "127.0.0.1", "[::1]"];
const select = document.getElementById("model");
let current; // {name, leave}
let renderings = 0;

async function render() {
  const {view, query} = currentRoute();
  const rendering = ++renderings;
  enter(view);
  try {
    const models = Promise.all([fetchCard(query.get("model")), renderModels(view, query.get("model"))]);
    models.catch(() => {}); // a view that needs one waits for it here
    const module = await import(`./${view}.js`);
    const [card] = MODELLESS.includes(view) ? [] : await models;
    if (rendering !== renderings) return; // the address bar changed meanwhile
    clearError();
    current.leave = module.leave;
    module.show(query, card);
  } catch (error) {
    showError(error, render);
  }
}

function enter(view) {
  if (view === current?.name) return;
  current?.leave?.();
  current = {name: view};
  document.title = texts.page.title(view);
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== view;
}

async function renderModels(view, requested) {
  const all = await fetchModels();
  const model = requested ?? all.default;
  select.replaceChildren(...modelOptions(all).map(([value, text]) => new Option(text, value)));
  select.value = model;
  for (const tab of document.querySelectorAll("[data-view]")) {
    tab.href = hrefFor(tab.dataset.view, recallRoute(tab.dataset.view, model));
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

select.addEventListener("change", () => navigate(current.name, recallRoute(current.name, select.value)));
async function renderRefused() {
  const status = await fetchStatus();
  if (status) showRefused(status);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) renderRefused(); });
renderRefused();
// Elsewhere runs need a key, and a link that is refused to all others would only be in the way.
document.querySelector("[data-view=runs]").hidden = !OWN_MACHINE.includes(location.hostname) && currentKey() === undefined;
onRouteChange(render);
