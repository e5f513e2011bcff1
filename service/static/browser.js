// Storage, clipboard and random ids, for browsers that refuse them too; and files to save.
//
//     grade <-> [browser] <-> localStorage        picture_dialog, grade_panel, play, walk -> [browser] -> clipboard, files
//
// Stored values are separate for each service on a host. A browser that refuses to store keeps values until the page
// is closed.

const OWN_MACHINE = ["localhost", "127.0.0.1", "[::1]"];
const prefix = `zoetrope ${new URL("..", import.meta.url).pathname} `;
const inMemory = new Map();

/** Does the service run on the machine of this browser? Then most is open without a key. */
export const isOwnMachine = () => OWN_MACHINE.includes(location.hostname);

/** The value stored under a name, or undefined. */
export function load(name) {
  const text = read(prefix + name) ?? inMemory.get(name);
  return text === undefined ? undefined : JSON.parse(text);
}

/** Store a value; undefined removes it. */
export function store(name, value) {
  try {
    if (value === undefined) localStorage.removeItem(prefix + name);
    else localStorage.setItem(prefix + name, JSON.stringify(value));
    inMemory.delete(name);
  } catch {
    inMemory.set(name, JSON.stringify(value));
  }
}

/** The API key of this browser, or undefined. */
export const currentKey = () => load("key");

/** Call `listener(name, value)` when another window of this browser stores a value, or removes it. */
export function onStoredElsewhere(listener) {
  addEventListener("storage", ({key, newValue}) => {
    if (key?.startsWith(prefix)) listener(key.slice(prefix.length), newValue === null ? undefined : JSON.parse(newValue));
  });
}

function read(key) {
  try {
    return localStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** A random UUID. Over plain HTTP browsers hide `crypto.randomUUID`. */
export function uuid() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map(byte => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

/** Save a Blob as a file of this name. */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  Object.assign(document.createElement("a"), {href: url, download: name}).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Copy text to the clipboard; was it copied? */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text); // over plain HTTP browsers hide the clipboard API
  }
}

function copyBySelection(text) {
  const field = Object.assign(
    document.createElement("textarea"), {value: text, readOnly: true, className: "visually-hidden"});
  const focused = document.activeElement;
  // An open dialog lets only its content be selected, and a panel closes without the focus.
  (focused?.closest("dialog, .menu") ?? document.body).append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  focused?.focus();
  return copied;
}
