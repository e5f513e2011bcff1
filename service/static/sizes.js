// How large a picture is shown.
//
//     cards -> [sizes] -> sheet, picture, walk, grade
//
// A small picture is enlarged by a whole number of the screen's own pixels, so that its own stay square and even;
// one that is larger than its place is made smaller by the browser.

/** {width, height} in CSS pixels, near `target` wide. */
export function near(target, image) {
  const scale = Math.max(1, Math.round((target * devicePixelRatio) / image.width)) / devicePixelRatio;
  return scaled(image, image.width * scale > 1.5 * target ? target / image.width : scale);
}

/** {width, height} in CSS pixels, as large as fits into `room`: {width, height}. */
export function within(room, image) {
  const most = Math.min(room.width / image.width, room.height / image.height);
  const whole = Math.floor(most * devicePixelRatio) / devicePixelRatio;
  return scaled(image, whole > 0 ? whole : most);
}

/** Show `element` as large as fits into `room`, and let the pixels of its view be seen where they are enlarged. */
export function fit(element, view, room, image) {
  const {width, height, enlarged} = within(room, image);
  Object.assign(element.style, {width: `${width}px`, height: `${height}px`});
  view.classList.toggle("pixels", enlarged);
  view.style.setProperty("--aspect", `${image.width} / ${image.height}`);
}

const scaled = ({width, height}, scale) => ({width: width * scale, height: height * scale, enlarged: scale >= 1});
