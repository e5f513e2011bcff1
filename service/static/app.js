// Entry point of the studio page: views of what the models learned.
//
//     router -> [app] -> start, look, walk, grade -> HTTP
//
// Shows the view that the address bar names, with the card of its model. A view's module is loaded when it is first
// needed. Notices new versions of the model, and offers them. Uses the public API only.

import {announce, clearError, showError, showRefused} from "./alert.js";
import {fetchCard, fetchModels, fetchStatus, modelOptions, openingModel} from "./api.js";
import {isOwnMachine} from "./browser.js";
import "./display.js";
import {currentKey} from "./key.js";
import {Problem, persist} from "./loader.js";
import {currentRoute, hrefFor, navigate, onRouteChange, recallRoute} from "./router.js";
import {texts} from "./texts.js";

const MODELLESS = ["runs"]; // shown also where no model can draw
const WITH_TRAY = ["look", "walk"];
const WITHOUT_MENU = ["compare", "collection", "runs"]; // what they show is of any models
const STATUS_EVERY_MS = 30_000;
const STATUS_AFTER_MS = 1000;
const select = document.getElementById("model");
const newer = document.getElementById("newer");
const modules = new Map(); // view -> promise of its module
let current; // {name, leave}
let shownCard;
let servedModels = []; // as GET /status names them
let renderings = 0;

async function render() {
  const {view, query} = currentRoute();
  const rendering = ++renderings;
  enter(view);
  try {
    const models = fetchCardOf(view, query, rendering);
    models.catch(() => {}); // a view that needs one waits for it here
    const module = await loadView(view);
    const card = MODELLESS.includes(view) ? undefined : await models;
    if (rendering !== renderings) return; // the address bar changed meanwhile
    clearError();
    current.leave = module.leave;
    shownCard = card;
    offerNewer();
    module.show(query, card);
    if (WITH_TRAY.includes(view)) import("./tray.js").catch(() => {}); // the views go on without it
  } catch (error) {
    if (rendering === renderings) showError(error);
  }
}

/** The card of the model that a route names, which is also shown in the menu; of the opening one where it names none. */
async function fetchCardOf(view, query, rendering) {
  const all = await fetchModels();
  const name = query.get("model") ?? (query.has("seed") || query.has("at") ? all.default : openingModel(all));
  if (rendering === renderings) renderModels(all, view, name);
  return fetchCard(name);
}

/** The module of a view; one that does not come is asked for again, under a name that no browser has given up. */
function loadView(view) {
  let tries = 0;
  const load = async () => {
    try {
      return await import(`./${view}.js${tries++ ? `?again=${tries}` : ""}`);
    } catch (error) {
      throw error instanceof TypeError ? new Problem(0, texts.service.noAnswer) : error;
    }
  };
  if (!modules.has(view)) modules.set(view, persist(load, {what: texts.missing.module}));
  return modules.get(view);
}

function enter(view) {
  if (view === current?.name) return;
  current?.leave?.();
  current = {name: view};
  document.title = texts.page.title(view);
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== view;
  select.parentElement.style.visibility = WITHOUT_MENU.includes(view) ? "hidden" : ""; // its place stays
}

function renderModels(all, view, model) {
  select.replaceChildren(...modelOptions(all).map(([value, text]) => new Option(text, value)));
  select.value = model;
  if (select.selectedIndex < 0) [select.value] = model.split("@"); // a link names the version, the menu the current one not
  for (const link of document.querySelectorAll("[data-view]")) {
    link.href = hrefFor(link.dataset.view, recallRoute(link.dataset.view, model));
    if (link.dataset.view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  announce(texts.page.shown(view, model));
}

document.querySelector(".bypass").addEventListener("click", () => {
  const heading = document.querySelector(`#${current.name} h1`);
  heading.tabIndex = -1;
  heading.focus();
});
select.addEventListener("change", () => navigate(current.name, recallRoute(current.name, select.value)));

/** Say what the service refuses now, and whether it draws another version than the one that is shown. */
async function checkStatus() {
  const status = document.hidden ? undefined : await fetchStatus();
  if (!status) return;
  showRefused(status);
  servedModels = status.models;
  offerNewer();
}

function offerNewer() {
  const served = servedModels.find(({name}) => name === shownCard?.name);
  const isNewer = served && select.value === served.name && served.version !== shownCard.version;
  if (isNewer) newer.querySelector("p").textContent = texts.page.newVersion(served.name, served.version);
  newer.hidden = !isNewer;
}

newer.querySelector("button").addEventListener("click", async () => {
  servedModels = [];
  await fetchModels({refresh: true}).catch(showError);
  render();
});
document.addEventListener("visibilitychange", checkStatus);
// Elsewhere runs need a key, and a link that is refused to all others would only be in the way.
const hidesRuns = !isOwnMachine() && currentKey() === undefined;
for (const link of document.querySelectorAll("[data-view=runs]")) link.hidden = hidesRuns;
setInterval(checkStatus, STATUS_EVERY_MS);
onRouteChange(render);
// What a slow line need not bring first.
setTimeout(checkStatus, STATUS_AFTER_MS);
import("./focus.js").catch(() => {});
