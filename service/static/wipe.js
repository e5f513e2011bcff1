// Wipe: two layers of pictures at the same addresses, the right one cut off where a pointer or the slider is.
//
//     compare, before_after -> [wipe] -> pictures by URL
//
// Both are drawn at the size of the left one's pictures. Knows no address bar.

import {END, imageUrl, shiftIndex} from "./address.js";
import {classNames} from "./api.js";
import {pictureScale} from "./display.js";
import {loadImage, sizeNear, sizeWithin} from "./image.js";
import {texts} from "./texts_walk.js";

const MOST_ROWS = 8;
const GAP_PX = 4;
const TILE_PX = {narrow: 72, wide: 96};
const words = texts.compare;

export class Wipe {
  #part; #stage; #slider; #layers; #drawn = "";
  /** How many pictures each layer has. */
  count = 1;

  /** `part`: an element as Compare has it; `settled()` is called when a person lets the wipe go. */
  constructor(part, settled = () => {}) {
    this.#part = part;
    [this.#stage, this.#slider] = [".wipe", ".wiper input"].map(one => part.querySelector(one));
    this.#layers = [...part.querySelectorAll(".layer")];
    this.#slider.addEventListener("input", () => this.set(this.percent));
    this.#slider.addEventListener("change", settled);
    let before;
    this.#stage.addEventListener("pointerdown", event => {
      before = this.percent;
      this.#stage.setPointerCapture(event.pointerId);
      this.#follow(event);
    });
    this.#stage.addEventListener("pointermove", event => {
      if (this.#stage.hasPointerCapture(event.pointerId)) this.#follow(event);
    });
    this.#stage.addEventListener("pointerup", settled);
    this.#stage.addEventListener("pointercancel", () => this.set(before)); // the finger scrolls the page
  }

  /** How much is seen of the left layer: text. */
  get percent() {
    return this.#slider.value;
  }

  set(percent) {
    this.#slider.value = percent;
    this.#stage.style.setProperty("--wipe", `${this.percent}%`);
    this.#slider.setAttribute("aria-valuetext", words.wipe(Number(this.percent)));
  }

  #follow({clientX}) {
    const {left, width} = this.#stage.getBoundingClientRect();
    this.set(Math.round((100 * (clientX - left)) / width));
  }

  /** Draw two cards from an address on, as many pictures as fit into `room` (CSS pixels), or one. Returns which, in words. */
  show(cards, address, room, single = false) {
    const {width, height} = this.#layOut(cards, room, single);
    const range = words.range(address.index, shiftIndex(address.index, this.count - 1) ?? END - 1n);
    cards.forEach((card, side) => this.#name(side, card, range, address.seed));
    const key = [...cards.map(({name, version}) => name + version), ...Object.values(address), this.count, width, height].join(" ");
    if (key !== this.#drawn) cards.forEach((card, side) => this.#layers[side].replaceChildren(...this.#imagesOf(card, address)));
    this.#drawn = key;
    return range;
  }

  /** Choose how many pictures are shown and how large: the size of one. */
  #layOut(cards, room, single) {
    const {image} = cards[0];
    const tile = pictureScale() * (room.width < 600 ? TILE_PX.narrow : TILE_PX.wide);
    const size = single ? sizeWithin(room, image) : sizeNear(tile, image, room.width);
    const fitting = (length, side) => Math.max(1, Math.floor((length + GAP_PX) / (side + GAP_PX)));
    const columns = single ? 1 : fitting(room.width, size.width);
    const rows = single ? 1 : Math.min(MOST_ROWS, Math.max(2, fitting(room.height, size.height)));
    for (const [name, value] of [["--columns", columns], ["--tile-width", `${size.width}px`], ["--tile-height", `${size.height}px`]]) {
      this.#part.style.setProperty(name, value);
    }
    this.#layers.forEach((layer, side) => {
      const scale = (size.width * devicePixelRatio) / cards[side].image.width;
      layer.classList.toggle("pixels", scale >= 2 || scale === 1); // between, sharp pixels would be of two sizes
    });
    this.count = columns * rows;
    return size;
  }

  #name(side, {name, version}, range, seed) {
    this.#layers[side].setAttribute("aria-label", words.layer(range, seed, words.name(name, version)));
    const link = this.#part.querySelectorAll(".sides a")[side];
    link.href = `models/${name}@${version}`;
    link.textContent = words.name(name, version);
  }

  #imagesOf(card, {seed, index, label, truncation}) {
    const {name: model, version} = card;
    const own = classNames(card).includes(label) ? label : undefined;
    return Array.from({length: this.count}, (_, at) => shiftIndex(index, at)).filter(at => at !== undefined).map(at => (
      loadImage(Object.assign(new Image(), {alt: ""}), imageUrl({model, version, seed, index: at, label: own, truncation}))));
  }
}
