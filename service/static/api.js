// API client: requests to the service, and the models that it serves.
//
//     views -> [api] -> HTTP
//
// Every path is relative to the service's root, which is above this file: pages work at any depth and behind any prefix.
// An error response becomes a Problem with the service's own words. Where the service wants an API key, a person is
// asked for it, and the request is sent again with it. Knows no view.

import {askForKey, currentKey} from "./key.js";
import {texts} from "./texts.js";

const MAX_TRIES = 3;
export const baseUrl = new URL("..", import.meta.url).href;

/**
 * An error in words for a person. `status` is the HTTP status, 0 where there was no response; `needsKey` says that the
 * same request is answered with an API key that this browser does not have.
 */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
    this.needsKey = false;
  }

  /** Can the same request succeed later? */
  get retryable() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** JSON in which a BigInt is an integer: a seed has 64 bits, and a JavaScript number holds 53. */
export function toJson(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(toJson).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${toJson(member)}`).join(", ")}}`;
}

/** GET a path, or POST `body` to it. Waits as `Retry-After` says and retries a few times. Throws a Problem. */
export async function request(path, body, {signal, keepalive} = {}) {
  const options = body === undefined ? {signal} : {
    method: "POST", headers: {"content-type": "application/json"}, body: toJson(body), signal, keepalive,
  };
  for (let tries = 1; ; tries += 1) {
    const key = path === "models" ? undefined : currentKey(); // the page preloads the models without one
    const response = await send(path, withKey(options, key));
    if (response.ok) return response;
    if (response.headers.has("www-authenticate")) {
      const problem = await problemOf(response);
      problem.needsKey = true;
      if (keepalive || !await askForKey(key, problem.message)) throw problem;
      continue;
    }
    const waitSeconds = Number(response.headers.get("retry-after"));
    if (response.status !== 503 || !waitSeconds || tries === MAX_TRIES || keepalive) throw await problemOf(response);
    await new Promise(resolve => setTimeout(resolve, 1000 * waitSeconds));
  }
}

const withKey = (options, key) => (
  key === undefined ? options : {...options, headers: {...options.headers, authorization: `Bearer ${key}`}});

async function send(path, options) {
  try {
    return await fetch(new URL(path, baseUrl), options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, texts.service.noAnswer);
  }
}

async function problemOf(response) {
  try {
    return new Problem(response.status, (await response.json()).detail ?? response.statusText);
  } catch {
    return new Problem(response.status, texts.service.answered(response.status, response.statusText));
  }
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

/** {card, takes_class_weights, ...} of `name` or `name@version`; of the default model for nothing. */
export async function fetchModel(name) {
  const all = await fetchModels();
  const wanted = name || all.default;
  const found = all.models.find(({card}) => card.name === wanted);
  return found ?? (await request(`models/${encodeURIComponent(wanted)}`)).json();
}

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
