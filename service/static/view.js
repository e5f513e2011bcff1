// The pages to share: code to copy, pictures with the key of this browser, and a button that stops what moves.
//
//     a page of /view -> [view] -> code
//
// The pages are whole without it.

import {load} from "./browser.js";
import {showCode} from "./code.js";
import {texts} from "./texts.js";

const key = load("key");
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

/** Show a picture; with the key, which an element does not send itself. */
async function show(element, name, url) {
  if (key === undefined) {
    if (element.getAttribute(name) !== url) element.setAttribute(name, url);
    return;
  }
  const answer = await fetch(url, {headers: {authorization: `Bearer ${key}`}});
  if (answer.ok) element.setAttribute(name, URL.createObjectURL(await answer.blob()));
}

function addPause(picture) {
  const [source, image] = picture.children;
  const [still, moving] = [source.srcset, image.getAttribute("src")];
  const button = Object.assign(document.createElement("button"), {type: "button"});
  let plays = !stillness.matches;
  const render = () => {
    show(image, "src", plays ? moving : still);
    image.classList.toggle("still", !plays);
    button.textContent = plays ? texts.player.pause : texts.player.play;
  };
  button.addEventListener("click", () => { plays = !plays; render(); });
  stillness.addEventListener("change", () => { plays &&= !stillness.matches; render(); });
  source.remove();
  render();
  picture.after(button);
}

const code = document.querySelector(".code");
if (code) {
  code.hidden = false;
  showCode(code, {url: code.dataset.url, file: code.dataset.file, needsKey: key !== undefined});
}
for (const picture of document.querySelectorAll("picture")) addPause(picture);
for (const one of document.querySelectorAll("figure > [data-drawn], svg [data-drawn]")) {
  const name = one.matches("img") ? "src" : "href";
  show(one, name, one.getAttribute(name));
}
