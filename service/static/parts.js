// Parts of the page that come when they are first needed: modules, and the markup and the style of most views.
//
//     app, api, look, start -> [parts] -> loader
//
// Each part is fetched once, and tried until it is here. What a link to the first views needs is not among them: on a
// slow line it comes alone. Knows no view.

import {Problem, persist} from "./loader.js";
import {texts} from "./texts_page.js";

const parts = new Map(); // name of a file -> promise

function once(file, load) {
  if (!parts.has(file)) parts.set(file, persist(load, {what: texts.missing.module}));
  return parts.get(file);
}

const lost = () => new Problem(0, texts.service.noAnswer);

/** A module by its name; one that does not come is asked for again, under a name that no browser has given up. */
export function loadModule(name) {
  let tries = 0;
  return once(name, async () => {
    try {
      return await import(`./${name}.js${tries++ ? `?again=${tries}` : ""}`);
    } catch (error) {
      throw error instanceof TypeError ? lost() : error;
    }
  });
}

/** A module whose elements are in views.html: the other views, the dialogs, the tray; with their style. */
export async function loadPart(name) {
  await Promise.all([once("views.html", addViews), once("views.css", addStyle)]);
  return loadModule(name);
}

async function addViews() {
  const answer = await fetch(new URL("views.html", import.meta.url)).catch(() => { throw lost(); });
  const text = answer.ok && await answer.text().catch(() => "");
  if (!text) throw lost();
  const {body} = new DOMParser().parseFromString(text, "text/html");
  document.querySelector("main").append(...[...body.children].filter(one => one.matches("section, dialog")));
  document.body.append(...body.children);
}

const addStyle = () => new Promise((resolve, reject) => {
  const href = new URL("views.css", import.meta.url).href;
  const link = Object.assign(document.createElement("link"), {rel: "stylesheet", href, onload: resolve});
  link.onerror = () => { link.remove(); reject(lost()); };
  document.querySelector("link[rel=stylesheet]").after(link);
});
