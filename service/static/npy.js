// Frames as numpy writes them: uint8 (frames, height, width, channels).
//
//     POST /interpolate -> [npy] -> canvas

/** {n, height, width, channels, pixels} of a file. */
export function readNpy(buffer) {
  const headerBytes = new DataView(buffer).getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, 10, headerBytes));
  const [n, height, width, channels] = header.match(/'shape': \(([^)]*)\)/)[1].split(",").map(Number);
  return {n, height, width, channels, pixels: new Uint8Array(buffer, 10 + headerBytes)};
}

/** Frame `at` on a canvas, which takes its size. */
export function draw(canvas, {height, width, channels, pixels}, at) {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d");
  const shown = context.createImageData(width, height);
  const first = at * height * width * channels;
  for (let pixel = 0; pixel < height * width; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      shown.data[4 * pixel + channel] = pixels[first + pixel * channels + (channels === 3 ? channel : 0)];
    }
    shown.data[4 * pixel + 3] = 255;
  }
  context.putImageData(shown, 0, 0);
}
