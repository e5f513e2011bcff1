// A model in a few words and pictures: what its page and the list of all models share.
//
//     card -> [model_summary] -> model_list, model_page, model_versions

import {imageUrl} from "./address.js";
import {baseUrl, request} from "./api.js";
import {loadImage, sizeNear} from "./image.js";
import {hrefFor} from "./router.js";
import {texts} from "./texts_models.js";

const words = texts.models;
const SEED = 7;

/** Values of a template that says what a model is. */
export const summaryOf = ({name, version, method, image, classes, training, scores}) => ({
  name, version, kind: words.kinds[method], colour: words.colours[image.channels], width: image.width, height: image.height,
  classes: classes?.length, pictures: words.number(training.data_images), data: training.data,
  ratio: scores.fd_ratio && words.number(scores.fd_ratio),
});

/** A view of the studio, from any page. */
export const studioLink = (view, query) => new URL(hrefFor(view, query), baseUrl).href;

/** The page of a model, or of one of its versions. */
export const pageOf = model => new URL(`models/${encodeURIComponent(model)}`, baseUrl).href;

/** Show the first `n` pictures of a card's model as one sheet, with a description in `caption` too. */
export async function showSheet(image, {name, version}, n) {
  const body = {model: `${name}@${version}`, n, seed: SEED, format: "png"};
  image.alt = words.sheet(n, SEED, name);
  image.src = URL.createObjectURL(await (await request("generate", body)).blob());
}

/** Fill an element with `n` pictures of a model, or of one of its classes, each a link into the studio. */
export function showStrip(element, {name, version, image}, n, target, label) {
  const {width, height, enlarged} = sizeNear(target, image);
  element.classList.toggle("pixels", enlarged);
  element.replaceChildren(...Array.from({length: n}, (_, index) => {
    const alt = label === undefined ? words.picture(index, name) : words.ofClass(label, index);
    const picture = Object.assign(new Image(width, height), {alt, loading: "lazy"});
    const link = document.createElement("a");
    link.href = studioLink("look", {model: `${name}@${version}`, seed: SEED, label, index});
    link.append(picture);
    const address = {model: name, version, seed: SEED, index, label, truncation: 1};
    loadImage(picture, new URL(imageUrl(address), baseUrl).href);
    return link;
  }));
}
