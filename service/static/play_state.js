// State of the instrument: how far a picture is moved along each direction, and the weights of its classes.
//
//     play -> [play_state] -> link, body of POST /decode
//
// {moves, mix}: a number for each direction, in units of the code, and a weight for each class, whole numbers that count
// by their ratio. A state is never changed: another one takes its place. Knows no element and no request.

/** Largest move along a direction, to both sides; most codes are this near to their middle along any direction. */
export const REACH = 3;
/** Weights are brought to so many units, as the service does. */
export const UNITS = 1000;
/** Classes that one picture may have weights of. */
export const MOST_CLASSES = 16;

const bounded = (value, least, most) => Math.min(most, Math.max(least, value));

/** A state with other numbers in `part` ("moves" or "mix"): [[place, value], ...], brought into their range. */
export function withValues(state, part, changes) {
  const values = [...state[part]];
  for (const [at, value] of changes) {
    values[at] = part === "moves" ? bounded(Math.round(100 * value) / 100 || 0, -REACH, REACH)
      : bounded(Math.round(value), 0, UNITS);
  }
  if (part === "mix" && !values.some(Boolean)) values[changes.at(-1)[0]] = 1; // the last class stays
  return {...state, [part]: values};
}

/** Are both the same? */
export const isSame = (one, other) => formatMoves(one) === formatMoves(other) && formatMix(one) === formatMix(other);

/** The state without moves, in the classes of `label`: a name, an object of weights by name, or nothing. */
export function initialState(directions, names, label) {
  const weights = typeof label === "string" ? {[label]: 1} : label ?? {};
  return {moves: Array(directions).fill(0), mix: names.map(name => Math.round(UNITS * (weights[name] ?? 0)))};
}

/** Moves as a link holds them: 0.5,-1.25, without zeros at the end. */
export const formatMoves = ({moves}) => moves.join(",").replace(/(^|,)0(,0)*$/, "");

/** Weights as a link holds them: class number and weight, 3:1000,8:400. */
export const formatMix = ({mix}) => mix.flatMap((weight, at) => (weight ? [`${at}:${weight}`] : [])).join(",");

/** The state of a link; `initial` where the link does not say. */
export function parseState(moves, mix, initial) {
  const found = (moves ?? "").split(",").slice(0, initial.moves.length).map(text => Number(text) || 0);
  const weights = (mix ?? "").split(",").map(part => part.split(":").map(Number))
    .filter(([at, weight]) => at in initial.mix && weight > 0).slice(0, MOST_CLASSES);
  const moved = withValues(initial, "moves", [...found.entries()]);
  return weights.length ? withValues({...moved, mix: moved.mix.map(() => 0)}, "mix", weights) : moved;
}

/** The code of a state: `base` moved along directions ({direction}, a unit vector); 9 digits name a float32. */
export function codeOf(base, directions, {moves}) {
  const used = moves.flatMap((move, at) => (move ? [[move, directions[at].direction]] : []));
  if (!used.length) return base;
  return base.map((number, at) => (
    Number(used.reduce((sum, [move, direction]) => sum + move * direction[at], number).toPrecision(9))));
}

/** Thousandths of each class by largest remainder, ties to the first class, as the service brings weights to them. */
export function unitsOf({mix}) {
  const total = mix.reduce((sum, weight) => sum + weight, 0) || 1;
  const units = mix.map(weight => Math.floor((UNITS * weight) / total));
  const left = mix.map((weight, at) => [(UNITS * weight) % total, at]).sort(([a, i], [b, j]) => b - a || i - j);
  const missing = mix.some(Boolean) ? UNITS - units.reduce((sum, unit) => sum + unit, 0) : 0;
  for (const [, at] of left.slice(0, missing)) units[at] += 1;
  return units;
}

/** The `label` of POST /decode: a name, weights by name in thousandths, or nothing for a model without classes. */
export function labelOf(state, names) {
  const weights = unitsOf(state).flatMap((units, at) => (units ? [[names[at], units]] : []));
  return weights.length > 1 ? Object.fromEntries(weights) : weights[0]?.[0];
}
