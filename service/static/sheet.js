// The endless sheet: pictures of one seed by index, more of them as it is scrolled.
//
//     look -> [sheet] -> POST /generate -> img
//
// It is cut into strips of some fifty pictures. A strip is filled by one question when it comes near the screen
// and emptied when it is far from it: whatever was there can be asked for again. Knows no address bar.

import {near} from "./sizes.js";
import {ask} from "./ask.js";

const STRIP_PICTURES = 48;
const TARGET_PX = {narrow: 84, wide: 112};
const KEYS = {ArrowLeft: -1, ArrowRight: 1, ArrowUp: "above", ArrowDown: "below", Home: "first", End: "last"};

/** Fills `element`; calls `open(index)` when a picture is chosen, `failed(error, retry)` and `filled(n)`. */
export class Sheet {
  #element; #on; #asked; #image; #columns; #count;
  #watch = new IntersectionObserver(entries => this.#seen(entries), {rootMargin: "100% 0px 150% 0px"});
  #asking = new Map();

  constructor(element, on) {
    this.#element = element;
    this.#on = on;
    element.addEventListener("click", event => {
      const tile = event.target.closest(".tile");
      if (tile) on.open(BigInt(tile.dataset.index));
    });
    element.addEventListener("keydown", event => this.#move(event));
    new ResizeObserver(() => this.#image && this.#lay() && this.#begin()).observe(element);
  }

  /** Show the pictures of `asked` ({model, seed, label, truncation}), each of the size `image`. */
  show(asked, image) {
    const before = this.#asked;
    this.#asked = asked;
    this.#image = image;
    const onlyDialled = before?.model === asked.model && before.seed === asked.seed && before.label === asked.label;
    if (this.#lay() || !onlyDialled) this.#begin();
    else for (const strip of this.#element.querySelectorAll(".filled, .asking")) this.#fill(strip);
  }

  /** The tile of an index, if it is on the sheet. */
  tile(index) {
    return this.#element.querySelector(`[data-index="${index}"]`);
  }

  /** Choose columns and sizes; has anything changed? */
  #lay() {
    const room = this.#element.clientWidth - 24;
    if (room <= 0) return false;
    const {width, height, enlarged} = near(room < 600 ? TARGET_PX.narrow : TARGET_PX.wide, this.#image);
    const columns = Math.max(1, Math.floor((room + 4) / (width + 4)));
    const rows = Math.ceil(STRIP_PICTURES / columns);
    const style = `${columns} ${rows} ${width} ${height}`;
    if (style === this.#element.dataset.laid) return false;
    this.#element.dataset.laid = style;
    [this.#columns, this.#count] = [columns, columns * rows];
    const set = (name, value) => this.#element.style.setProperty(name, value);
    set("--columns", columns);
    set("--rows", rows);
    set("--tile-width", `${width}px`);
    set("--tile-height", `${height}px`);
    this.#element.classList.toggle("pixels", enlarged);
    return true;
  }

  #begin() {
    this.#watch.disconnect();
    for (const asking of this.#asking.values()) asking.abort();
    this.#asking.clear();
    this.#element.replaceChildren();
    scrollTo(0, 0);
    this.#append();
  }

  /** The next strip, which is asked for when it is near the screen; the second, when the first has come. */
  #append() {
    const strip = document.createElement("div");
    strip.className = "strip";
    strip.dataset.start = this.#element.childElementCount * this.#count;
    this.#element.append(strip);
    this.#watch.observe(strip);
  }

  #seen(entries) {
    for (const {target: strip, isIntersecting} of entries) {
      if (!strip.isConnected) continue;
      if (!isIntersecting) this.#empty(strip);
      else if (!strip.classList.contains("filled")) this.#fill(strip);
      const last = strip === this.#element.lastElementChild;
      if (isIntersecting && last && this.#element.querySelector(".filled")) this.#append();
    }
  }

  async #fill(strip) {
    this.#asking.get(strip)?.abort();
    const asking = new AbortController();
    this.#asking.set(strip, asking);
    strip.classList.add("asking");
    const question = {...this.#asked, n: this.#count, start: BigInt(strip.dataset.start), format: "json"};
    try {
      const {images} = await (await ask("generate", question, {signal: asking.signal})).json();
      if (asking.signal.aborted) return;
      this.#dress(strip, images);
      if (strip === this.#element.lastElementChild) this.#append();
      this.#on.filled(images.length);
    } catch (error) {
      this.#on.failed(error, () => strip.isConnected && this.#fill(strip));
    }
  }

  #dress(strip, images) {
    strip.classList.replace("asking", "filled");
    if (strip.childElementCount !== images.length) strip.replaceChildren(...images.map(newTile));
    const first = Number(strip.dataset.start);
    images.forEach(({label, png}, at) => {
      const tile = strip.children[at];
      tile.dataset.index = first + at;
      tile.firstChild.src = `data:image/png;base64,${png}`;
      tile.firstChild.alt = `Picture ${first + at}${label === undefined ? "" : `, ${label}`}`;
    });
    if (!this.#element.querySelector("[tabindex='0']")) strip.firstChild.tabIndex = 0;
  }

  #empty(strip) {
    if (strip.contains(document.activeElement)) return;
    this.#asking.get(strip)?.abort();
    this.#asking.delete(strip);
    strip.classList.remove("filled", "asking");
    strip.replaceChildren();
  }

  #move(event) {
    const step = KEYS[event.key];
    const tile = event.target.closest(".tile");
    if (step === undefined || !tile || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const at = Number(tile.dataset.index);
    const row = at - (at % this.#columns);
    const wanted = {above: at - this.#columns, below: at + this.#columns, first: row, last: row + this.#columns - 1};
    const next = this.tile(wanted[step] ?? at + step);
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
