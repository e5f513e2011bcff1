// What the browser keeps for this service, from one visit to the next.
//
//     grade <-> [keep] <-> localStorage
//
// Two services on one host do not see what the other keeps. A browser that keeps nothing is served as well, until
// the page is closed.

const prefix = `zoetrope ${new URL(".", location.href).pathname} `;
const meanwhile = new Map();

/** What was kept under a name, or undefined. */
export function kept(name) {
  const text = read(prefix + name) ?? meanwhile.get(name);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Keep a value; undefined forgets it. */
export function keep(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, JSON.stringify(value));
    meanwhile.delete(name);
  } catch {
    meanwhile.set(name, JSON.stringify(value));
  }
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}
