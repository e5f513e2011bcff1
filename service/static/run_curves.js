// Curves of a run over images shown: a chart for each group of metrics.
//
//     run_view -> [run_curves]
//
// Titles are in texts, colours in the style sheet.

import {texts} from "./texts_training.js";

const CHARTS = [
  ["d_loss", "g_loss"], ["d_wins"], ["diversity"], ["reconstruction"], ["kl"], ["augment_p", "overfitting"],
  ["near_share", "near_limit"], ["penalty"], ["images_per_second"],
];
const [WIDTH, HEIGHT, LEFT, BOTTOM, TOP] = [320, 150, 52, 18, 8];
const MANY = 40; // points, of which the wildest fiftieth at each end does not set the scale

/** Draw the curves of GET /runs/{name} into an element; `planned`: images at the end. */
export function drawCurves(element, curves, planned) {
  const byMetric = new Map(curves.map(curve => [curve.metric, curve]));
  const charts = CHARTS.map(metrics => metrics.map(metric => byMetric.get(metric)).filter(Boolean))
    .filter(found => found.some(({values}) => values.some(value => value !== 0)));
  element.replaceChildren(...charts.map(found => chart(found, planned)));
}

function chart(curves, planned) {
  const [low, high] = range(curves.flatMap(({values}) => values));
  const x = shown => LEFT + Math.min(1, shown / planned) * (WIDTH - LEFT - 4);
  const y = value => TOP + (1 - Math.min(1, Math.max(0, (value - low) / (high - low)))) * (HEIGHT - TOP - BOTTOM);
  const title = texts.runs.charts[curves[0].metric];
  const drawing = svg("svg", {viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": texts.runs.chart(title, curves)}, [
    ...[low, high].flatMap(value => [
      svg("line", {class: "grid", x1: LEFT, x2: WIDTH - 4, y1: y(value), y2: y(value)}),
      svg("text", {x: LEFT - 6, y: y(value) + 4, "text-anchor": "end"}, [texts.runs.short(value)]),
    ]),
    svg("text", {x: LEFT, y: HEIGHT - 3}, ["0"]),
    svg("text", {x: WIDTH - 4, y: HEIGHT - 3, "text-anchor": "end"}, [texts.runs.short(planned)]),
    ...curves.map(({images_shown: shown, values}, at) => line(shown.map(x), values.map(y), at)),
  ]);
  const caption = document.createElement("figcaption");
  caption.append(title);
  if (curves.length > 1) caption.append(...curves.map(({metric}, at) => legend(texts.runs.metrics[metric], at)));
  const figure = document.createElement("figure");
  figure.append(caption, drawing);
  return figure;
}

function range(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const cut = sorted.length < MANY ? 0 : Math.floor(sorted.length / 50);
  const [low, high] = [sorted[cut], sorted[sorted.length - 1 - cut]];
  return high > low ? [low, high] : [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
}

function line(xs, ys, at) {
  if (xs.length === 1) return svg("circle", {class: `line-${at}`, cx: xs[0], cy: ys[0], r: 2.5});
  return svg("polyline", {class: `line-${at}`, points: xs.map((x, k) => `${x.toFixed(1)},${ys[k].toFixed(1)}`).join(" ")});
}

function legend(words, at) {
  const item = document.createElement("span");
  item.className = `legend line-${at}`;
  item.textContent = words;
  return item;
}

function svg(name, attributes, children = []) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}
