/**
 * Median cut (Heckbert 1982): the colours of a picture reduced to a palette.
 */

const CHANNELS = [0, 8, 16];

const channel = (colour, shift) => (colour >> shift) & 255;

/** A box of colours [colour, count] and the channel along which it is longest. */
function boxOf(colours) {
  const lengths = CHANNELS.map((shift) => {
    const values = colours.map(([colour]) => channel(colour, shift));
    return values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b));
  });
  const length = Math.max(...lengths);
  return { colours, length, shift: CHANNELS[lengths.indexOf(length)] };
}

/** Halves a box so that both halves hold about as many pixels. */
function split({ colours, shift }) {
  colours.sort(([first], [second]) => channel(first, shift) - channel(second, shift));
  const half = colours.reduce((sum, [, count]) => sum + count, 0) / 2;
  let at = 0;
  for (let sum = 0; at < colours.length - 1 && sum < half; at += 1) {
    sum += colours[at][1];
  }
  at = Math.max(1, at);
  return [boxOf(colours.slice(0, at)), boxOf(colours.slice(at))];
}

function meanOf({ colours }) {
  const total = colours.reduce((sum, [, count]) => sum + count, 0);
  return CHANNELS.map((shift) =>
    Math.round(colours.reduce((sum, [colour, count]) => sum + channel(colour, shift) * count, 0) / total),
  );
}

/**
 * @param {ImageData} frame its opacity is not looked at.
 * @param {number} size the most colours of the palette.
 * @returns {{palette: number[][], indices: Uint8Array}} colours [r, g, b] and one index a pixel.
 */
export function quantize(frame, size) {
  const pixels = new Uint32Array(frame.data.length / 4);
  const counts = new Map();
  for (let index = 0; index < pixels.length; index += 1) {
    const [red, green, blue] = frame.data.subarray(4 * index, 4 * index + 3);
    pixels[index] = red | (green << 8) | (blue << 16);
    counts.set(pixels[index], (counts.get(pixels[index]) ?? 0) + 1);
  }
  const boxes = [boxOf([...counts])];
  while (boxes.length < size) {
    const longest = boxes.reduce((best, box, index) => (box.length > boxes[best].length ? index : best), 0);
    if (boxes[longest].length === 0) {
      break;
    }
    boxes.push(...split(boxes.splice(longest, 1)[0]));
  }
  const index = new Map(boxes.flatMap(({ colours }, number) => colours.map(([colour]) => [colour, number])));
  return { palette: boxes.map(meanOf), indices: Uint8Array.from(pixels, (colour) => index.get(colour)) };
}
