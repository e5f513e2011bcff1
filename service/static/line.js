// How fast the line to the service is, for the choice between exact pictures and small previews first.
//
//     api -> [line] -> grid, start
//
// Measured on what was fetched anyway: first the files of the page, then the answers. Requests nothing.

const SLOW_BYTES_PER_S = 200_000; // a screen of exact pictures takes seconds
const LEAST_BYTES = {file: 1_000, answer: 15_000}; // what fits into a packet tells nothing, nor does one small answer
let bytesPerS;

/** Note that an answer of so many bytes took so long, from its first byte to its last. */
export function noteTransfer(bytes, ms) {
  if (bytes >= LEAST_BYTES.answer) bytesPerS = (1000 * bytes) / Math.max(ms, 1);
}

/** Would a person wait for exact pictures? */
export const isSlow = () => (bytesPerS ?? ofPage()) < SLOW_BYTES_PER_S;

/**
 * Of the files that the page has just loaded, over the time in which one of them at least was coming; without a limit
 * where they came out of the browser's cache.
 */
function ofPage() {
  const loaded = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
    .filter(({transferSize, encodedBodySize: size, responseEnd}) => (
      responseEnd && transferSize > size && size >= LEAST_BYTES.file))
    .sort((one, other) => one.responseStart - other.responseStart);
  let [bytes, ms, endMs] = [0, 0, 0];
  for (const {encodedBodySize, responseStart, responseEnd} of loaded) {
    bytes += encodedBodySize;
    ms += Math.max(0, responseEnd - Math.max(responseStart, endMs));
    endMs = Math.max(endMs, responseEnd);
  }
  return ms ? (1000 * bytes) / ms : Infinity;
}
