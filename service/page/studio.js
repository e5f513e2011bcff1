// The studio: three views of what the models learned.
//
//     address bar -> [studio] -> look, walk, grade -> HTTP
//
// Shows the view that the address bar names, with the card of its model. Talks to the public API alone.

import * as look from "./look.js";
import * as walk from "./walk.js";
import {clear, tell} from "./alert.js";
import {cardOf, choices, models} from "./cards.js";
import {follow, go, link, read, recall} from "./place.js";

const views = {look, walk};
const select = document.getElementById("model");
let current;

async function show() {
  const {view, query} = read();
  try {
    const card = await cardOf(query.get("model"));
    if (read().view !== view) return; // somebody was quicker
    enter(view);
    await tellModels(view, query.get("model") ?? card.name);
    clear();
    views[view].show(query, card);
  } catch (error) {
    tell(error, show);
  }
}

function enter(view) {
  if (view === current) return;
  views[current]?.leave();
  current = view;
  document.title = `Zoetrope · ${view[0].toUpperCase()}${view.slice(1)}`;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== view;
}

async function tellModels(view, model) {
  select.replaceChildren(...choices(await models()).map(([value, text]) => new Option(text, value)));
  select.value = model;
  for (const tab of document.querySelectorAll("[data-view]")) {
    tab.href = link(tab.dataset.view, recall(tab.dataset.view, model));
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

select.addEventListener("change", () => go(current, recall(current, select.value)));
follow(show);
