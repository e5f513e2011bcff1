// Drawing of the instrument: one request at a time, the newest position first, and what the directions do after that.
//
//     play -> [play_draw] -> POST /decode -> canvas
//
// While a request is under way positions only replace the one that waits, so that the picture follows the hand as fast
// as the service draws. What may wait is stopped as soon as the hand moves. Knows no control and no address bar.

import {request} from "./api.js";
import {SHEET_GAP as GAP, drawFrame, parseNpy} from "./image.js";

/**
 * Runs tasks, `async options => ...`, one after another; `failed(error)` is called with what they throw. The options are
 * for `request`: what is no longer of use is not tried again, and what may wait is stopped for what is urgent.
 */
export class OneAtATime {
  #urgent; #later; #stop; #failed; #running = false;

  constructor(failed) {
    this.#failed = failed;
  }

  /** Run this next, in place of what waits to be run next; once it runs it is not stopped. */
  now(task) {
    [this.#urgent, this.#later] = [task, undefined];
    this.#stop?.abort();
    this.#run();
  }

  /** Run this when nothing else is to be done. */
  later(task) {
    this.#later = task;
    this.#run();
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#urgent || this.#later) await this.#next().catch(this.#failed);
    this.#running = false;
  }

  #next() {
    const task = this.#urgent ?? this.#later;
    const stop = new AbortController();
    if (this.#urgent) this.#urgent = undefined;
    else [this.#later, this.#stop] = [undefined, stop];
    return task({signal: stop.signal, wanted: () => !this.#urgent});
  }
}

/** Draw the picture of a body of POST /decode on a canvas, pixel by pixel as the service draws it. */
export async function drawPicture(canvas, body, options) {
  const answer = await request("decode", {...body, format: "npy"}, options);
  drawFrame(canvas, parseNpy(await answer.arrayBuffer()), 0);
}

/**
 * Draw small pictures of several codes on parts of canvases, by one request. `tiles`: [{code, canvas, column, row}, ...];
 * `size` is {width, height} of a picture. The sheet is a JPEG: a tenth of the exact bytes.
 */
export async function drawTiles(tiles, size, body, options) {
  const codes = tiles.map(({code}) => code);
  const blob = await (await request("decode", {...body, codes, format: "jpeg"}, options)).blob();
  const sheet = await createImageBitmap(blob);
  const columns = Math.ceil(Math.sqrt(tiles.length));
  const [pitchX, pitchY] = [(sheet.width + GAP) / columns, (sheet.height + GAP) / Math.ceil(tiles.length / columns)];
  tiles.forEach(({canvas, column, row}, at) => {
    const [x, y] = [(at % columns) * pitchX, Math.floor(at / columns) * pitchY];
    canvas.getContext("2d").drawImage(
      sheet, x, y, size.width, size.height, column * size.width, row * size.height, size.width, size.height);
  });
  sheet.close();
}
