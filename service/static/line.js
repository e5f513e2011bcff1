// How fast the line to the service is, for the choice between exact pictures and small previews first.
//
//     api -> [line] -> grid, start
//
// Measured on what was fetched anyway: first the files of the page, then the answers. Requests nothing.

const SLOW_BYTES_PER_S = 200_000; // a screen of exact pictures takes seconds
const LEAST_BYTES = 3_000; // what fits into a packet or two tells nothing
let bytesPerS;

/** Note that an answer of so many bytes took so long, from its first byte to its last. */
export function noteTransfer(bytes, ms) {
  if (bytes >= 5 * LEAST_BYTES) bytesPerS = (1000 * bytes) / Math.max(ms, 1);
}

/** Would a person wait for exact pictures? */
export const isSlow = () => (bytesPerS ?? ofPage()) < SLOW_BYTES_PER_S;

/** Of the files that the page has just loaded; without a limit where they came out of the browser's cache. */
function ofPage() {
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(({transferSize, encodedBodySize}) => transferSize > encodedBodySize && encodedBodySize >= LEAST_BYTES);
  const sum = of => loaded.map(of).reduce((one, other) => one + other, 0);
  const ms = sum(({responseStart, responseEnd}) => responseEnd - responseStart);
  return ms ? (1000 * sum(({encodedBodySize}) => encodedBodySize)) / ms : Infinity;
}
