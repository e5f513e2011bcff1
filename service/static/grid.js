// Endless grid: the pictures of one seed by index, more of them as it is scrolled.
//
//     look -> [grid] -> POST /generate -> img
//
// It consists of strips of about fifty pictures. A strip is loaded by one request when it comes near the screen, and
// unloaded when it is far away, so memory does not grow with scrolling. Knows no address bar.

import {request} from "./api.js";
import {sizeNear} from "./image.js";
import {texts} from "./texts.js";

const STRIP_PICTURES = 48;
const TILE_WIDTH_PX = {narrow: 84, wide: 112};
const KEYS = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: "above", ArrowDown: "below", Home: "first", End: "last"};

/** Fills `element`. Calls `open(index)` when a picture is chosen, `failed(error, retry)` and `loaded(n)`. */
export class PictureGrid {
  #element; #on; #query; #image; #columns; #stripSize;
  #observer = new IntersectionObserver(entries => this.#onIntersection(entries), {rootMargin: "100% 0px 150% 0px"});
  #pending = new Map(); // strip -> AbortController of its request

  constructor(element, on) {
    this.#element = element;
    this.#on = on;
    element.addEventListener("click", event => {
      const tile = event.target.closest(".tile");
      if (tile) on.open(BigInt(tile.dataset.index));
    });
    element.addEventListener("keydown", event => this.#onKey(event));
    new ResizeObserver(() => this.#image && this.#layOut() && this.#reset()).observe(element);
  }

  /** Show the pictures of `query` ({model, seed, label, truncation}), each of the size `image`. */
  show(query, image) {
    const before = this.#query;
    this.#query = query;
    this.#image = image;
    const sameStart = before?.model === query.model && before.seed === query.seed && before.label === query.label;
    if (this.#layOut() || !sameStart) this.#reset();
    else for (const strip of this.#element.querySelectorAll(".loaded, .loading")) this.#load(strip);
  }

  /** The tile of an index, if it is loaded. */
  tile(index) {
    return this.#element.querySelector(`[data-index="${index}"]`);
  }

  /** Choose columns and sizes; has anything changed? */
  #layOut() {
    const room = this.#element.clientWidth - 24;
    if (room <= 0) return false;
    const {width, height, enlarged} = sizeNear(room < 600 ? TILE_WIDTH_PX.narrow : TILE_WIDTH_PX.wide, this.#image);
    const columns = Math.max(1, Math.floor((room + 4) / (width + 4)));
    const rows = Math.ceil(STRIP_PICTURES / columns);
    const layout = `${columns} ${rows} ${width} ${height}`;
    if (layout === this.#element.dataset.layout) return false;
    this.#element.dataset.layout = layout;
    [this.#columns, this.#stripSize] = [columns, columns * rows];
    const set = (name, value) => this.#element.style.setProperty(name, value);
    set("--columns", columns);
    set("--rows", rows);
    set("--tile-width", `${width}px`);
    set("--tile-height", `${height}px`);
    this.#element.classList.toggle("pixels", enlarged);
    return true;
  }

  #reset() {
    this.#observer.disconnect();
    for (const controller of this.#pending.values()) controller.abort();
    this.#pending.clear();
    this.#element.replaceChildren();
    scrollTo(0, 0);
    this.#append();
  }

  /** Add the next strip. It loads when it is near the screen; the second one is added when the first has loaded. */
  #append() {
    const strip = document.createElement("div");
    strip.className = "strip";
    strip.dataset.start = this.#element.childElementCount * this.#stripSize;
    this.#element.append(strip);
    this.#observer.observe(strip);
  }

  #onIntersection(entries) {
    for (const {target: strip, isIntersecting} of entries) {
      if (!strip.isConnected) continue;
      if (!isIntersecting) this.#unload(strip);
      else if (!strip.classList.contains("loaded")) this.#load(strip);
      const last = strip === this.#element.lastElementChild;
      if (isIntersecting && last && this.#element.querySelector(".loaded")) this.#append();
    }
  }

  async #load(strip) {
    this.#pending.get(strip)?.abort();
    const controller = new AbortController();
    this.#pending.set(strip, controller);
    strip.classList.add("loading");
    const body = {...this.#query, n: this.#stripSize, start: BigInt(strip.dataset.start), format: "json"};
    try {
      const {images} = await (await request("generate", body, {signal: controller.signal})).json();
      if (controller.signal.aborted) return;
      this.#renderStrip(strip, images);
      if (strip === this.#element.lastElementChild) this.#append();
      this.#on.loaded(images.length);
    } catch (error) {
      this.#on.failed(error, () => strip.isConnected && this.#load(strip));
    }
  }

  #renderStrip(strip, images) {
    strip.classList.replace("loading", "loaded");
    if (strip.childElementCount !== images.length) strip.replaceChildren(...images.map(newTile));
    const first = Number(strip.dataset.start);
    images.forEach(({label, png}, at) => {
      const tile = strip.children[at];
      tile.dataset.index = first + at;
      tile.firstChild.src = `data:image/png;base64,${png}`;
      tile.firstChild.alt = texts.look.alt(first + at, label);
    });
    if (!this.#element.querySelector("[tabindex='0']")) strip.firstChild.tabIndex = 0;
  }

  #unload(strip) {
    if (strip.contains(document.activeElement)) return;
    this.#pending.get(strip)?.abort();
    this.#pending.delete(strip);
    strip.classList.remove("loaded", "loading");
    strip.replaceChildren();
  }

  #onKey(event) {
    const step = KEYS[event.key];
    const tile = event.target.closest(".tile");
    if (step === undefined || !tile || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const at = Number(tile.dataset.index);
    const row = at - (at % this.#columns);
    const target = {above: at - this.#columns, below: at + this.#columns, first: row, last: row + this.#columns - 1};
    const next = this.tile(target[step] ?? at + step);
    if (!next) return;
    for (const one of this.#element.querySelectorAll("[tabindex='0']")) one.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

function newTile() {
  const tile = document.createElement("button");
  tile.type = "button";
  tile.className = "tile";
  tile.tabIndex = -1;
  tile.append(new Image());
  return tile;
}
