// Code that a person copies: the request for what is shown, in curl, Python and JavaScript.
//
//     look, walk, play, picture_dialog, collection, view -> [code] -> shell -> clipboard
//
// Names of models and classes come from bundles, which strangers may have made: in each language they stand in one
// quoted literal, which ends where it should. The chosen language is stored in the browser. Knows no view.

import {copy, load, store} from "./browser.js";
import {commandLine} from "./shell.js";
import {texts} from "./texts.js";

const GLOBBED = /[[\]{}]/; // curl would read a pattern there
const LANGUAGES = {curl, python, javascript};
const panels = new Map(); // element -> what it shows

/**
 * The code of a request. `url`: absolute. `body`: JSON to be sent by POST; without it it is a GET. `file`: what the
 * answer is saved as. `needsKey`: whether a key goes with it.
 */
export function snippet(language, wanted) {
  return LANGUAGES[language]({...wanted, headers: headersOf(wanted)});
}

const headersOf = ({body, needsKey}) => ({
  ...(body === undefined ? {} : {"content-type": "application/json"}),
  ...(needsKey ? {authorization: "Bearer YOUR-KEY"} : {}),
});

function curl({url, body, file, headers}) {
  return commandLine(
    "curl", "-f", ...(GLOBBED.test(url) ? ["-g"] : []), ...(body === undefined ? [] : ["-X", "POST"]), url,
    ...Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]),
    ...(body === undefined ? [] : ["-d", body]), "-o", file);
}

function python({url, body, file, headers}) {
  const given = Object.entries(headers).map(([name, value]) => `${literal(name)}: ${literal(value)}`).join(", ");
  return [
    "from urllib.request import urlopen, Request", "",
    ...(body === undefined ? [] : [`body = ${literal(body)}`]),
    `request = Request(${literal(url)}${body === undefined ? "" : ", body.encode()"}${given && `, headers={${given}}`})`,
    `with urlopen(request) as answer, open(${literal(file)}, 'wb') as file:`,
    "    file.write(answer.read())",
  ].join("\n");
}

function javascript({url, body, file, headers}) {
  const given = Object.entries(headers).map(([name, value]) => `${literal(name)}: ${literal(value)}`).join(", ");
  const options = [
    ...(body === undefined ? [] : ["method: 'POST'"]), ...(given ? [`headers: {${given}}`] : []),
    ...(body === undefined ? [] : ["body"]),
  ].join(", ");
  return [
    "import {writeFile} from 'node:fs/promises';", "",
    ...(body === undefined ? [] : [`const body = ${literal(body)};`]),
    `const answer = await fetch(${literal(url)}${options && `, {${options}}`});`,
    "if (!answer.ok) throw new Error(await answer.text());",
    `await writeFile(${literal(file)}, Buffer.from(await answer.arrayBuffer()));`,
  ].join("\n");
}

/** A string in Python and in JavaScript: the same in both, because no control character is left as it is. */
function literal(text) {
  const escaped = JSON.stringify(text).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'");
  return `'${escaped.replace(/[\u007f-\u009f\u2028\u2029]/g, one => `\\u${one.charCodeAt().toString(16).padStart(4, "0")}`)}'`;
}

/** Show the code of a request in an element, with a menu of languages and a button that copies it. */
export function showCode(element, wanted) {
  if (!panels.has(element)) element.append(...controls(element));
  panels.set(element, wanted);
  render(element);
}

function controls(element) {
  const menu = document.createElement("select");
  menu.setAttribute("aria-label", texts.share.language);
  menu.append(...Object.keys(LANGUAGES).map(name => new Option(texts.share.languages[name], name)));
  menu.addEventListener("change", () => {
    store("language", menu.value);
    for (const one of panels.keys()) render(one);
  });
  const pre = Object.assign(document.createElement("pre"), {tabIndex: 0});
  pre.setAttribute("aria-label", texts.share.code);
  const button = Object.assign(document.createElement("button"), {type: "button", textContent: texts.share.copy});
  const status = Object.assign(document.createElement("span"), {className: "muted"});
  status.setAttribute("role", "status");
  button.addEventListener("click", async () => {
    status.textContent = await copy(pre.textContent) ? texts.share.copied : texts.share.notCopied;
    setTimeout(() => { status.textContent = ""; }, 4000);
  });
  const tools = Object.assign(document.createElement("p"), {className: "acts"});
  tools.append(menu, button, status);
  element.classList.add("code-panel");
  return [tools, pre];
}

function render(element) {
  const stored = load("language");
  const language = Object.hasOwn(LANGUAGES, stored ?? "") ? stored : "curl";
  element.querySelector("select").value = language;
  element.querySelector("pre").textContent = snippet(language, panels.get(element));
}
