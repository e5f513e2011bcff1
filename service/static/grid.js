// Endless grid: the pictures of one seed by index, more of them as it is scrolled.
//
//     look -> [grid] -> POST /generate -> img
//
// It consists of strips of about fifty pictures. A strip is loaded by one request when it comes near the screen, and
// unloaded when it is far away, so memory does not grow with scrolling. On a slow line a strip shows a small WebP sheet
// behind its pictures until these are here, a few rows at a time. Knows no address bar.

import {request} from "./api.js";
import {noteShown, takeFirst} from "./first.js";
import {SHEET_GAP, gridLayout} from "./image.js";
import {isSlow} from "./line.js";
import {texts} from "./texts_page.js";

const STRIP_PICTURES = 48;
const SLOW_ROWS = 2;
const LIVE_PAUSE_MS = 60;
const KEYS = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: "above", ArrowDown: "below", Home: "first", End: "last"};

/** Fills `element`. Calls `open(index)` when a picture is chosen, `failed(error)` and `loaded(n)`. */
export class PictureGrid {
  #element; #on; #query; #image; #width; #columns; #stripSize;
  #observer = new IntersectionObserver(entries => this.#onIntersection(entries), {rootMargin: "100% 0px 150% 0px"});
  #pending = new Map(); // strip -> AbortController of its requests
  #turn = Promise.resolve(); // on a slow line one strip gets its exact pictures at a time
  #following = false;
  #stale = false;
  #sheets = new Map(); // strip -> URLs of its small sheets
  #refocus; // index of the tile that had the focus before everything was laid out again

  constructor(element, on) {
    this.#element = element;
    this.#on = on;
    element.addEventListener("click", event => {
      const tile = event.target.closest(".tile");
      if (tile) on.open(BigInt(tile.dataset.index));
    });
    element.addEventListener("keydown", event => this.#onKey(event));
    new ResizeObserver(() => { if (element.clientWidth !== this.#width) this.#layOutAgain(); }).observe(element);
    addEventListener("display", () => this.#layOutAgain());
  }

  /**
   * Show the pictures of `query` ({model, seed, label, truncation}), each of the size `image`. `live`: more changes
   * follow at once, so what is on the screen is drawn, one request at a time, and changes in between are left out.
   */
  show(query, image, {live = false} = {}) {
    const before = this.#query;
    this.#query = query;
    this.#image = image;
    const sameStart = before?.model === query.model && before.seed === query.seed && before.label === query.label;
    if (this.#layOut() || !sameStart) this.#reset(0);
    else if (live) this.#follow();
    else for (const strip of this.#element.querySelectorAll(".loaded, .loading")) this.#load(strip);
  }

  /** The tile of an index, if it is loaded. */
  tile(index) {
    return this.#element.querySelector(`[data-index="${index}"]`);
  }

  /** Give the focus to the tile of an index, or to the one that can have it. */
  focus(index) {
    (this.tile(index) ?? this.#element.querySelector("[tabindex='0']"))?.focus();
  }

  /** Choose columns and sizes; has anything changed? */
  #layOut() {
    this.#width = this.#element.clientWidth;
    const found = gridLayout(this.#width, this.#image);
    if (!found) return false;
    const {columns, width, height, enlarged} = found;
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

  /** Lay out for another size of the window or of the pictures; the first picture on the screen stays there. */
  #layOutAgain() {
    if (!this.#image) return;
    const first = [...this.#element.querySelectorAll(".tile")].find(tile => tile.getBoundingClientRect().top > 0);
    this.#refocus = this.#element.contains(document.activeElement) ? document.activeElement.dataset.index : undefined;
    if (this.#layOut()) this.#reset(scrollY > 0 ? Number(first?.dataset.index ?? 0) : 0);
  }

  #reset(index) {
    this.#observer.disconnect();
    for (const controller of this.#pending.values()) controller.abort();
    this.#pending.clear();
    for (const strip of this.#sheets.keys()) this.#forgetSheets(strip);
    this.#element.replaceChildren();
    do this.#append();
    while (Number(this.#element.lastElementChild.dataset.start) + this.#stripSize <= index);
    if (index === 0) scrollTo(0, 0);
    else this.#element.lastElementChild.scrollIntoView();
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
      else if (!strip.matches(".loaded, .loading")) this.#load(strip);
      const last = strip === this.#element.lastElementChild;
      if (isIntersecting && last && this.#element.querySelector(".loaded")) this.#append();
    }
  }

  /** Draw again what is on the screen, until the latest query is drawn. */
  async #follow() {
    this.#stale = true;
    if (this.#following) return;
    this.#following = true;
    while (this.#stale) {
      this.#stale = false;
      for (const strip of this.#element.querySelectorAll(".loaded, .loading")) {
        const {top, bottom} = strip.getBoundingClientRect();
        if (bottom > 0 && top < innerHeight) await this.#load(strip, {live: true});
      }
      await new Promise(resolve => setTimeout(resolve, LIVE_PAUSE_MS));
    }
    this.#following = false;
  }

  async #load(strip, {live = false} = {}) {
    this.#pending.get(strip)?.abort();
    const controller = new AbortController();
    const {signal} = controller;
    this.#pending.set(strip, controller);
    strip.classList.add("loading");
    try {
      const slow = isSlow();
      if (slow) await this.#preview(strip, signal);
      if (!(slow && live)) await this.#loadExactly(strip, signal, slow);
    } catch (error) {
      if (!signal.aborted) this.#on.failed(error);
    }
  }

  /** Fill a strip by one request; on a slow line by one for a few rows each, when it is its turn. */
  async #loadExactly(strip, signal, slow) {
    let passOn = () => {};
    if (slow) {
      const before = this.#turn;
      this.#turn = new Promise(resolve => { passOn = resolve; });
      await before;
    }
    try {
      const step = slow ? SLOW_ROWS * this.#columns : this.#stripSize;
      for (let offset = 0; offset < this.#stripSize; offset += step) {
        signal.throwIfAborted();
        await this.#loadPart(strip, offset, Math.min(step, this.#stripSize - offset), signal);
      }
    } finally {
      passOn();
    }
    strip.classList.replace("loading", "loaded");
    this.#forgetSheets(strip);
    if (strip === this.#element.lastElementChild) this.#append();
    this.#on.loaded(this.#stripSize);
  }

  async #loadPart(strip, offset, n, signal) {
    const {images} = await (await request("generate", this.#body(strip, offset, n, "json"), {signal})).json();
    signal.throwIfAborted();
    this.#fill(strip, offset, images);
    noteShown();
  }

  #body(strip, offset, n, format) {
    return {...this.#query, n, start: BigInt(Number(strip.dataset.start) + offset), format};
  }

  #fill(strip, offset, images) {
    const tiles = this.#tilesOf(strip);
    images.forEach(({label, png}, at) => {
      const tile = tiles[offset + at];
      tile.firstChild.src = `data:image/png;base64,${png}`;
      tile.firstChild.alt = texts.look.alt(tile.dataset.index, label);
      if (tile.style.backgroundImage) tile.removeAttribute("style");
    });
  }

  /** The tiles of a strip, made where there are none. */
  #tilesOf(strip) {
    if (strip.childElementCount !== this.#stripSize) {
      const first = Number(strip.dataset.start);
      strip.replaceChildren(...Array.from({length: this.#stripSize}, (_, at) => newTile(first + at)));
    }
    if (!this.#element.querySelector("[tabindex='0']")) strip.firstChild.tabIndex = 0;
    if (this.#refocus !== undefined && this.tile(this.#refocus)) {
      if (document.activeElement.matches("body, h1")) this.focus(this.#refocus);
      this.#refocus = undefined;
    }
    return strip.children;
  }

  /** Show small pictures until the exact ones are here: a sheet of the first row, then one of the others. */
  async #preview(strip, signal) {
    const early = strip.previousElementSibling ? undefined : takeFirst(this.#query);
    const first = strip.previousElementSibling ? this.#stripSize : early?.n ?? this.#columns;
    for (const [offset, n] of [[0, first], [first, this.#stripSize - first]]) {
      if (n === 0) continue;
      const fetched = offset === 0 && await early?.sheet;
      const sheet = fetched || await (await request("generate", this.#body(strip, offset, n, "webp"), {signal})).blob();
      signal.throwIfAborted();
      const url = URL.createObjectURL(sheet);
      this.#sheets.set(strip, [...(this.#sheets.get(strip) ?? []), url]);
      this.#showBehind([...this.#tilesOf(strip)].slice(offset, offset + n), url);
      noteShown();
    }
  }

  #forgetSheets(strip) {
    for (const url of this.#sheets.get(strip) ?? []) URL.revokeObjectURL(url);
    this.#sheets.delete(strip);
  }

  #showBehind(tiles, url) {
    const {width, height} = this.#image;
    const columns = Math.ceil(Math.sqrt(tiles.length));
    const rows = Math.ceil(tiles.length / columns);
    // The sheet is so many percent of a tile, and lies at so many percent of what it is larger than a tile.
    const size = (count, side) => 100 * (count + ((count - 1) * SHEET_GAP) / side);
    const place = (at, count) => (count === 1 ? 0 : (100 * at) / (count - 1));
    tiles.forEach((tile, at) => {
      tile.firstChild.removeAttribute("src");
      Object.assign(tile.style, {
        backgroundImage: `url("${url}")`,
        backgroundSize: `${size(columns, width)}% ${size(rows, height)}%`,
        backgroundPosition: `${place(at % columns, columns)}% ${place(Math.floor(at / columns), rows)}%`,
      });
    });
  }

  #unload(strip) {
    if (strip.contains(document.activeElement)) return;
    this.#pending.get(strip)?.abort();
    this.#pending.delete(strip);
    this.#forgetSheets(strip);
    strip.classList.remove("loaded", "loading");
    const isReached = strip.querySelector("[tabindex='0']"); // by Tab
    strip.replaceChildren();
    if (isReached) this.#element.querySelector(".tile")?.setAttribute("tabindex", 0);
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

function newTile(index) {
  const tile = document.createElement("button");
  Object.assign(tile, {type: "button", className: "tile", tabIndex: -1});
  tile.dataset.index = index;
  tile.append(Object.assign(new Image(), {alt: texts.look.alt(index)}));
  return tile;
}
