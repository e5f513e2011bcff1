// API key of this browser: asked for once, where the service wants one, and stored here.
//
//     api -> [key] -> a person
//
// Loaded when a request is refused. Requests that are refused at the same time share one dialog. A person who closes it
// is not asked again until they press the button in the header. Knows no request.

import {currentKey, store} from "./browser.js";
import {texts} from "./texts_page.js";

const dialog = document.getElementById("key");
const [form, words] = [dialog.querySelector("form"), dialog.querySelector("p")];
const button = document.getElementById("enter-key");
let asking;
let declined = false;

/** Ask for a key in place of `refused`, which a request came with; resolves to whether there is another one now. */
export async function askForKey(refused, why) {
  if (currentKey() !== refused) return true; // another request has asked meanwhile
  if (declined) return false;
  asking ??= ask(why).finally(() => { asking = undefined; });
  return asking;
}

async function ask(why) {
  words.textContent = why;
  form.reset();
  dialog.showModal();
  await new Promise(resolve => dialog.addEventListener("close", resolve, {once: true}));
  const key = dialog.returnValue;
  dialog.returnValue = "";
  declined = key === "";
  button.hidden = !declined;
  if (!declined) store("key", key);
  return !declined;
}

form.addEventListener("submit", event => {
  event.preventDefault(); // the page's policy allows no form to be sent
  dialog.close(form.elements.secret.value.trim());
});
dialog.querySelector(".cancel").addEventListener("click", () => dialog.close(""));
button.addEventListener("click", async () => {
  declined = false;
  if (await askForKey(currentKey(), texts.service.asksForKey)) location.reload();
});
