// Collection: the pictures that a person has marked, stored in this browser, the same in all its tabs.
//
//     tray, look, collection <-> [collected] <-> localStorage
//
// A picture is kept as a text, model@version/seed/index/truncation/label, which is also how links name it. Knows no
// element.

import {formatAddress, parseAddress} from "./address.js";
import {load, store} from "./browser.js";
import {texts} from "./texts.js";

/** As many as one zip holds. */
export const MAX_COLLECTED = 256;
const NAME = "collection";
const NAMED = /^([a-z0-9][a-z0-9_-]{0,62})@([0-9a-f]{16})\/(\d{1,20}\/\d{1,20}(?:\/.*)?)$/s;

/** model@version/seed/index/truncation/label of an address; the last two only where they differ from the default. */
export const nameOf = address => `${address.model}@${address.version}/${formatAddress(address)}`;

/** The address that `nameOf` wrote; the Error says what is wrong with one of a stranger's link. */
export function parseName(name) {
  const [, model, version, address] = NAMED.exec(name) ?? [];
  if (!model) throw new Error(texts.share.notPicture(name.slice(0, 80)));
  return {...parseAddress(address), model, version};
}

/** Names of all pictures, in the order in which they were marked. */
export const collected = () => (load(NAME) ?? []).filter(name => NAMED.test(name));

/** Is this picture marked? */
export const isCollected = address => collected().includes(nameOf(address));

/** Mark a picture, or take the mark away; returns whether it is marked now. */
export function toggle(address) {
  const name = nameOf(address);
  const names = collected();
  if (names.includes(name)) keep(names.filter(other => other !== name));
  else add([name]);
  return collected().includes(name);
}

/** Mark these too. Throws where they are too many. */
export function add(names) {
  const all = [...new Set([...collected(), ...names])];
  if (all.length > MAX_COLLECTED) throw new Error(texts.share.full(MAX_COLLECTED));
  keep(all);
}

/** Take one out. */
export const remove = name => keep(collected().filter(other => other !== name));

/** Take all out. */
export const clear = () => keep([]);

function keep(names) {
  store(NAME, names.length ? names : undefined);
  dispatchEvent(new Event("collection"));
}

/** Is this the key that marks a picture? A person may have switched single keys off. */
export const isCollectKey = ({key, ctrlKey, metaKey, altKey}) => (
  key.toLowerCase() === "c" && !ctrlKey && !metaKey && !altKey && (load("keys") ?? true));

/** Call `listener` after every change, in this tab or in another one. */
export function onCollection(listener) {
  addEventListener("collection", listener);
  addEventListener("storage", ({key}) => { if (key === null || key.endsWith(NAME)) listener(); });
}
