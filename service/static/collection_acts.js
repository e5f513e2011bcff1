// What can be done with some pictures: open one, walk through them, download them, send them as a link.
//
//     tray, collection -> [collection_acts] -> look, walk, POST /collect, clipboard
//
// Pictures may be of several models and versions; a walk goes through those of one.

import {formatAddress, imageUrl} from "./address.js";
import {showError} from "./alert.js";
import {baseUrl, request, toJson} from "./api.js";
import {copy, saveFile} from "./browser.js";
import {parseName} from "./collected.js";
import {loadImage} from "./image.js";
import {hrefFor, navigate} from "./router.js";
import {texts} from "./texts.js";

const MAX_WALK = 64;
const FILE = "collection.zip";

const bodyOf = names => ({
  pictures: names.map(parseName).map(({model, version, truncation, seed, index, label}) => (
    {model: `${model}@${version}`, seed, index, label, truncation: unlessOne(truncation)})),
});
const unlessOne = truncation => (truncation === 1 ? undefined : truncation);

/** The request for a zip of these pictures, as code shows it. */
export const codeOf = names => ({url: `${baseUrl}collect`, body: toJson(bodyOf(names)), file: FILE});

/** What a person is told a picture is. */
export const wordsOf = ({index, seed, model}) => texts.share.picture(index, seed, model);

/** The picture, as a link that opens it in Look. */
export function pictureLink(address) {
  const {model, version, truncation, seed, index, label} = address;
  const href = hrefFor("look", {model: `${model}@${version}`, seed, label, truncation: unlessOne(truncation), index});
  const link = Object.assign(document.createElement("a"), {href});
  link.append(loadImage(Object.assign(new Image(), {alt: wordsOf(address)}), imageUrl(address)));
  return link;
}

/** The pictures that a walk goes through: those of the model and version that most of them are of. */
function walkable(names) {
  const byModel = new Map();
  for (const name of names) {
    const [model] = name.split("/");
    byModel.set(model, [...byModel.get(model) ?? [], name]);
  }
  return [...byModel.values()].reduce((most, some) => some.length > most.length ? some : most, []).slice(0, MAX_WALK);
}

function walkThrough(names) {
  const addresses = walkable(names).map(parseName);
  navigate("walk", {model: `${addresses[0].model}@${addresses[0].version}`, at: addresses.map(formatAddress)});
}

async function download(names, say) {
  say(texts.share.drawing);
  saveFile(await (await request("collect", bodyOf(names))).blob(), FILE);
  return texts.share.saved(FILE);
}

async function copyLink(names) {
  const link = new URL(hrefFor("collection", {at: names}), baseUrl).href;
  return await copy(link) ? texts.share.linkCopied(names.length) : texts.share.notCopied;
}

/** Enable what can be done with so many pictures. */
export function enableActs(root, names) {
  for (const button of root.querySelectorAll(".acts button")) button.disabled = !names.length;
  root.querySelector(".walk").disabled = walkable(names).length < 2;
}

/** Let the buttons of `root` work on the pictures that `names()` gives; `say` gets what a person is told. */
export function listenToActs(root, names, say) {
  for (const [selector, action] of [[".walk", walkThrough], [".zip", download], [".copy", copyLink]]) {
    root.querySelector(selector).addEventListener("click", async () => {
      say("");
      try {
        say(await action(names(), say) ?? "");
      } catch (error) {
        say("");
        showError(error);
      }
    });
  }
}
