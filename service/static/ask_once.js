// What a person asks for once: stored in the browser, under an id of its own, until the service has it.
//
//     learn, run_request -> [ask_once] -> POST /rounds, POST /runs
//
// So a lost answer, a closed page, a restart or a second window neither loses it nor asks for it twice.

import {clearError, showError} from "./alert.js";
import {request} from "./api.js";
import {load, store, uuid} from "./browser.js";

const sending = new Map(); // name -> promise of the answer, in this window

/** POST `body` with a fresh id; `name` is where it is stored meanwhile. Resolves to the answer. Throws a Problem. */
export function askOnce(name, path, body) {
  store(name, {path, body: {id: uuid(), ...body}});
  return deliver(name);
}

/** Send what was left under a name when the page was closed before the service had it; then call `after`. */
export const sendLeft = (name, after) => deliver(name)?.catch(showError).finally(after);

function deliver(name) {
  const asked = load(name);
  if (asked && !sending.has(name)) sending.set(name, send(name, asked).finally(() => sending.delete(name)));
  return sending.get(name);
}

async function send(name, {path, body}) {
  try {
    return await (await request(path, body)).json();
  } finally {
    if (load(name)?.body.id === body.id) store(name, undefined);
  }
}

/** Does one action of a person at a time, shows what goes wrong, and calls `after`; a false result is no success. */
export function oneAtATime(after) {
  let isBusy = false;
  return async action => {
    if (isBusy) return;
    isBusy = true;
    try {
      if (await action()) clearError();
    } catch (error) {
      showError(error);
    }
    isBusy = false;
    after();
  };
}
