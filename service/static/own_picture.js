// A picture of a person's own in Play: the model's encoder finds its code, and the instrument goes on from there.
//
//     play -> [own_picture] -> POST /encode -> play
//
// The browser cuts the picture to the model's proportions and scales it to its size. Knows no state of the instrument.

import {formatAddress, randomSeed} from "./address.js";
import {showError} from "./alert.js";
import {classNames, request} from "./api.js";
import {hrefFor} from "./router.js";
import {texts} from "./texts_play.js";

const words = texts.ownPicture;
const form = document.querySelector("#play .own");
const {file, label} = form.elements;
const [figure, canvas, caption, status, walk] =
  ["figure", "canvas", "figcaption", ".status", ".walk"].map(selector => form.querySelector(selector));
let card;
let on; // {start(address)}
let sent; // {at, psnr} of the picture that was encoded last
let sendings = 0;

/** Offer it for a model with an encoder. `at` is the point that Play shows, `start(address)` is called with a code. */
export function offer({card: modelCard, at, start}) {
  if (modelCard !== card) fillClasses(classNames(modelCard));
  [card, on] = [modelCard, {start}];
  form.hidden = false;
  const isShown = sent?.at === at;
  figure.hidden = walk.hidden = !isShown;
  status.textContent = isShown ? words.found(sent.psnr) : "";
  if (isShown) walk.href = hrefFor("walk", {model: `${card.name}@${card.version}`, at: [at, `${randomSeed()}/0`]});
}

function fillClasses(names) {
  label.closest("label").hidden = !names.length;
  label.replaceChildren(...names.map(name => new Option(name)));
}

async function send() {
  const [chosen] = file.files;
  if (!chosen) return;
  const sending = ++sendings;
  const ofModel = card;
  status.textContent = words.encoding;
  try {
    await draw(chosen, ofModel.image);
    const png = await new Promise(resolve => { canvas.toBlob(resolve, "image/png"); });
    const query = new URLSearchParams({model: `${ofModel.name}@${ofModel.version}`});
    if (classNames(ofModel).length) query.set("label", label.value);
    const answer = await request(`encode?${query}`, png, {wanted: () => sending === sendings});
    const {code, psnr_db: psnr, label: found} = await answer.json();
    if (sending !== sendings || ofModel !== card) return;
    const address = {code, label: found ?? undefined};
    sent = {at: formatAddress(address), psnr};
    on.start(address);
  } catch (error) {
    if (sending !== sendings || error.name === "AbortError") return;
    status.textContent = "";
    showError(error);
  }
}

/** Draw the middle of a file's picture on the canvas, as large as the model's pictures are. */
async function draw(chosen, {width, height}) {
  const picture = await createImageBitmap(chosen).catch(() => { throw new Error(words.unreadable(chosen.name)); });
  const scale = Math.max(width / picture.width, height / picture.height);
  const [across, down] = [picture.width * scale, picture.height * scale];
  Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // below what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(picture, (width - across) / 2, (height - down) / 2, across, down);
  picture.close();
  canvas.setAttribute("aria-label", caption.textContent);
  figure.hidden = false;
}

form.addEventListener("submit", event => event.preventDefault());
file.addEventListener("change", send);
label.addEventListener("change", send);
