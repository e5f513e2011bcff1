// What the models say of themselves.
//
//     GET /models -> [cards] -> views
//
// A model is asked for by name, or as name@version where an older version is meant.

import {ask} from "./ask.js";

let all;

/** {default, models} of the service; asked for once, and again where `anew`. */
export function models({anew = false} = {}) {
  if (anew || !all) {
    all = ask("models").then(answer => answer.json());
    all.catch(() => { all = undefined; });
  }
  return all;
}

/** The card of `name` or `name@version`; of the default model for nothing. */
export async function cardOf(name) {
  const known = await models();
  const wanted = name || known.default;
  const found = known.models.find(({card}) => card.name === wanted);
  return found ? found.card : (await (await ask(`models/${encodeURIComponent(wanted)}`)).json()).card;
}

/** What can be chosen: [value, text], older versions below the current one. */
export function choices({models: held}) {
  return held.flatMap(({card, versions}) => [
    [card.name, card.name],
    ...versions.filter(version => version !== card.version)
      .map(version => [`${card.name}@${version}`, `${card.name}, earlier: ${version.slice(0, 6)}`]),
  ]);
}

/** How a person calls a class; none is a class, too. */
export const classNames = card => (card.classes ?? []).map(({name}) => name);
