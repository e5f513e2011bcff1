// API client: requests to the service, and the models that it serves.
//
//     views -> [api] -> loader, HTTP
//
// Every path is relative to the service's root, which is above this file: pages work at any depth and behind any prefix.
// An error response becomes a Problem with the service's own words. Where the service wants an API key, a person is
// asked for it, and the request is sent again with it. Knows no view.

import {currentKey} from "./browser.js";
import {noteTransfer} from "./line.js";
import {Problem, persist} from "./loader.js";
import {loadModule} from "./parts.js";
import {texts} from "./texts_page.js";

export {Problem};
const BODILESS = [204, 205, 304];
const OPENING_MODEL = "eurosat";
export const baseUrl = new URL("..", import.meta.url).href;

/** JSON in which a BigInt is an integer: a seed has 64 bits, and a JavaScript number holds 53. */
export function toJson(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${toJson(member)}`).join(", ")}}`;
}

/**
 * GET a path, or POST `body` to it: JSON, or a Blob; resolves when the whole answer is here. Throws a Problem.
 *
 * It is tried again until it succeeds, fails for good, `signal` aborts it or `wanted()` is false; with `once` it is not.
 * `keepalive`: the page may be closed meanwhile. `asksForKey`: whether a person may be asked for a key.
 */
export function request(path, body, {signal, wanted, keepalive = false, once = keepalive, asksForKey = !keepalive} = {}) {
  const [type, sent] = body instanceof Blob ? [body.type, body] : ["application/json", toJson(body)];
  const options = body === undefined ? {signal} : {
    method: "POST", headers: {"content-type": type}, body: sent, signal, keepalive,
  };
  const attempt = () => ask(path, options, asksForKey);
  return once ? attempt() : persist(attempt, {what: whatIsAt(path), signal, wanted});
}

async function ask(path, options, asksForKey) {
  for (;;) {
    const key = path === "models" ? undefined : currentKey(); // the page preloads the models without one
    const response = await send(path, withKey(options, key));
    if (response.ok) return response;
    const problem = await problemOf(response);
    if (!response.headers.has("www-authenticate")) throw problem;
    problem.needsKey = true;
    if (!asksForKey || !await askForKey(key, problem.message)) throw problem;
  }
}

const askForKey = async (key, why) => (await loadModule("key")).askForKey(key, why);

const withKey = (options, key) => (
  key === undefined ? options : {...options, headers: {...options.headers, authorization: `Bearer ${key}`}});

/** The response with all of its body: a connection may also break in the middle. */
async function send(path, options) {
  try {
    const response = await fetch(new URL(path, baseUrl), options);
    const startedMs = performance.now();
    const body = await response.arrayBuffer();
    if (options?.body) noteTransfer(body.byteLength, performance.now() - startedMs); // pictures, which are not compressed
    return new Response(BODILESS.includes(response.status) ? null : body, response);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, texts.service.noAnswer);
  }
}

async function problemOf(response) {
  const seconds = Number(response.headers.get("retry-after"));
  const isOfService = response.headers.get("content-type")?.startsWith("application/problem+json"); // and not of a proxy
  const more = seconds ? {retryAfterMs: 1000 * seconds} : {isLasting: isOfService && response.status >= 500};
  const words = texts.service.answered(response.status, response.statusText);
  const {detail} = await response.json().catch(() => ({}));
  return new Problem(response.status, detail ?? words, more);
}

/** What a person misses while this path does not answer. */
function whatIsAt(path) {
  return path.includes("/images/") ? texts.missing.pictures : texts.missing[path.split(/[/?]/)[0]];
}

let models;

/** {default, models} of GET /models; cached, `refresh` fetches it again. */
export function fetchModels({refresh = false} = {}) {
  if (refresh || !models) {
    models = request("models").then(response => response.json());
    models.catch(() => { models = undefined; });
  }
  return models;
}

/** GET /status: what the service draws and what it refuses; nothing where it has no answer. */
export async function fetchStatus() {
  try {
    const response = await send("status");
    return response.ok ? await response.json() : undefined;
  } catch {
    return undefined; // the views say what does not answer
  }
}

/** {card, takes_class_weights, ...} of `name` or `name@version`. */
export async function fetchModel(name) {
  const all = await fetchModels();
  const found = all.models.find(({card}) => card.name === name);
  return found ?? (await request(`models/${encodeURIComponent(name)}`)).json();
}

/** Name of the model that a person sees first: one in colour, where there is one. */
function openingModel({default: usual, models: listed}) {
  const colour = listed.map(({card}) => card).filter(({image}) => image.channels === 3);
  return (colour.find(({name}) => name === OPENING_MODEL) ?? colour[0])?.name ?? usual;
}

/** Name of the model that the query of a route shows: links of before named none, and meant that of the API. */
export const modelOf = (query, all) => (
  query.get("model") ?? (query.has("seed") || query.has("at") ? all.default : openingModel(all)));

/** Its card alone. */
export const fetchCard = async name => (await fetchModel(name)).card;

/** Options of the model menu, [value, text]: older versions below the current one. */
export function modelOptions({models: listed}) {
  return listed.flatMap(({card, versions}) => [
    [card.name, card.name],
    ...versions.filter(version => version !== card.version)
      .map(version => [`${card.name}@${version}`, texts.page.earlierVersion(card.name, version)]),
  ]);
}

/** Names of the model's classes; empty for a model without classes. */
export const classNames = card => (card.classes ?? []).map(({name}) => name);
