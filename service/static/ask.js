// Questions to the service, and its answers.
//
//     views -> [ask] -> HTTP
//
// Every path is relative to the page, so the studio works behind any prefix. An answer that is no good becomes a
// Problem with the service's own words. Knows no view.

const TRIES = 3;
export const here = new URL(".", location.href).href;

/** What went wrong, in words for a person. `status` is that of HTTP, and 0 where nothing answered. */
export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }

  /** Would the same question perhaps be answered later? */
  get passes() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/** JSON in which a BigInt is a whole number: a seed has 64 bits, and a number of JavaScript keeps 53. */
export function written(value) {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return `[${value.map(written).join(", ")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([name, member]) => `${JSON.stringify(name)}: ${written(member)}`).join(", ")}}`;
}

/** GET a path, or POST `body` to it. A full queue is waited for a few times. Throws a Problem. */
export async function ask(path, body, {signal, keepalive} = {}) {
  const question = body === undefined ? {signal} : {
    method: "POST", headers: {"content-type": "application/json"}, body: written(body), signal, keepalive,
  };
  for (let tried = 1; ; tried += 1) {
    const answer = await reach(path, question);
    if (answer.ok) return answer;
    const wait = Number(answer.headers.get("retry-after"));
    if (answer.status !== 503 || !wait || tried === TRIES || keepalive) throw await problemOf(answer);
    await new Promise(resolve => setTimeout(resolve, 1000 * wait));
  }
}

async function reach(path, question) {
  try {
    return await fetch(path, question);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, "The service does not answer. Is it running, and is there a connection to it?");
  }
}

async function problemOf(answer) {
  try {
    return new Problem(answer.status, (await answer.json()).detail ?? answer.statusText);
  } catch {
    return new Problem(answer.status, `The service answered ${answer.status} ${answer.statusText}.`);
  }
}
