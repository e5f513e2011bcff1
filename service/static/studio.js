// The studio: three views of what the models learned.
//
//     address bar -> [studio] -> look, walk, grade -> HTTP
//
// Shows the view that the address bar names, with the card of its model. A view is fetched when it is first wanted.
// Talks to the public API alone.

import {clear, tell} from "./alert.js";
import {cardOf, choices, models} from "./cards.js";
import {follow, go, link, read, recall} from "./place.js";

const select = document.getElementById("model");
let current; // {name, leave}
let turns = 0;

async function show() {
  const {view, query} = read();
  const turn = ++turns;
  enter(view);
  try {
    const [module, card] = await Promise.all([
      import(`./${view}.js`), cardOf(query.get("model")), tellModels(view, query.get("model")),
    ]);
    if (turn !== turns) return; // the address bar says something else by now
    clear();
    current.leave = module.leave;
    module.show(query, card);
  } catch (error) {
    tell(error, show);
  }
}

function enter(view) {
  if (view === current?.name) return;
  current?.leave?.();
  current = {name: view};
  document.title = `Zoetrope · ${view[0].toUpperCase()}${view.slice(1)}`;
  for (const section of document.querySelectorAll("main > section")) section.hidden = section.id !== view;
}

async function tellModels(view, asked) {
  const held = await models();
  const model = asked ?? held.default;
  select.replaceChildren(...choices(held).map(([value, text]) => new Option(text, value)));
  select.value = model;
  for (const tab of document.querySelectorAll("[data-view]")) {
    tab.href = link(tab.dataset.view, recall(tab.dataset.view, model));
    if (tab.dataset.view === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
}

select.addEventListener("change", () => go(current.name, recall(current.name, select.value)));
follow(show);
