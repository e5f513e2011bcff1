// Entry point of the studio page: views of what the models learned.
//
//     router -> [app] -> start, look, walk, grade -> HTTP
//
// Shows the view that the address bar names, with the card of its model. A view's module is loaded when it is first
// needed. On a slow line keys and status come after the first pictures. Notices new versions of the model, and
// offers them. Uses the public API only.

import {announce, clearError, showError, showRefused} from "./alert.js";
import {fetchCard, fetchModels, fetchStatus, modelOf, modelOptions, toJson} from "./api.js";
import {currentKey, isOwnMachine} from "./browser.js";
import {FIRST_VIEWS, firstShown, noteShown} from "./first.js";
import {isSlow} from "./line.js";
import {loadModule, loadPart} from "./parts.js";
import {currentRoute, hrefFor, navigate, onRouteChange, recallRoute} from "./router.js";
import {texts} from "./texts_page.js";

const MODELLESS = ["runs"]; // shown also where no model can draw
const WITH_TRAY = ["look", "walk"];
const STATUS_EVERY_MS = 30_000;
const REST_AFTER_MS = 3000; // also without pictures
const select = document.getElementById("model");
const newer = document.getElementById("newer");
let current; // {name, leave}
let shownCard;
let servedModels = []; // as GET /status names them
let renderings = 0;
let hasFailed = false;

async function render() {
  const {view, query} = currentRoute();
  const rendering = ++renderings;
  enter(view);
  hasFailed = false;
  try {
    const models = fetchCardOf(view, query, rendering);
    models.catch(() => {}); // a view that needs one waits for it here
    const isFirst = FIRST_VIEWS.includes(view);
    const module = await (isFirst ? loadModule : loadPart)(view);
    if (rendering === renderings) reveal(view);
    const card = MODELLESS.includes(view) ? undefined : await models;
    if (!picturesFirst) await rest; // so that keys work as soon as there is something to see
    if (rendering !== renderings) return; // the address bar changed meanwhile
    clearError();
    current.leave = module.leave;
    shownCard = card;
    offerNewer();
    module.show(query, card);
    if (!isFirst) noteShown();
    if (WITH_TRAY.includes(view)) firstShown.then(() => loadPart("tray")).catch(() => {}); // the views go on without it
  } catch (error) {
    if (rendering !== renderings) return;
    hasFailed = true;
    showError(error);
  }
}

async function loadRest() {
  if (picturesFirst) await firstShown;
  checkStatus();
  await Promise.all([loadModule("focus"), loadPart("display")]);
}

/** The card of the model that a route names, which is also shown in the menu; of the opening one where it names none. */
async function fetchCardOf(view, query, rendering) {
  const all = await fetchModels();
  const name = modelOf(query, all);
  if (rendering === renderings) renderModels(all, view, name);
  return fetchCard(name);
}

function enter(view) {
  if (view === current?.name) return;
  current?.leave?.();
  current = {name: view};
  document.title = texts.page.title(view);
  reveal(view);
}

/** Show the section of a view, which may come later than the address bar names it, and no other. */
function reveal(view) {
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== view;
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
  heading?.setAttribute("tabindex", -1);
  heading?.focus();
});
select.addEventListener("change", () => navigate(current.name, recallRoute(current.name, select.value)));

/** Say what the service refuses now, and whether it draws another version than the one that is shown. */
async function checkStatus() {
  const status = document.hidden ? undefined : await fetchStatus();
  if (!status) return;
  showRefused(status);
  const isOther = toJson(servedModels) !== toJson(status.models);
  servedModels = status.models;
  if (hasFailed && isOther) render(); // what could not be drawn may be drawn now
  else offerNewer();
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
setTimeout(noteShown, REST_AFTER_MS);
const picturesFirst = isSlow();
const rest = loadRest();
onRouteChange(render);
