/**
 * Animated GIF by gifenc: every frame with its own palette of 256 colours, looping for ever.
 */
import { GIFEncoder, applyPalette, quantize } from '../vendor/gifenc.esm.js';

const COLOURS = 256;
const SHORTEST_MILLISECONDS = 20; // players refuse less

function magnified(indices, width, factor) {
  const wide = width * factor;
  return Uint8Array.from(
    { length: indices.length * factor * factor },
    (_, index) => indices[Math.floor(index / wide / factor) * width + Math.floor((index % wide) / factor)],
  );
}

/**
 * @param {ImageData[]} frames
 * @param {number} fps GIF counts in hundredths of a second.
 * @param {number} factor every pixel is repeated so often in both directions.
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<Blob>}
 */
export async function encodeGif(frames, fps, factor, onProgress = () => {}) {
  const gif = GIFEncoder();
  const delay = Math.max(SHORTEST_MILLISECONDS, 1000 / fps);
  for (const [number, { data, width, height }] of frames.entries()) {
    const palette = quantize(data, COLOURS);
    const indices = magnified(applyPalette(data, palette), width, factor);
    gif.writeFrame(indices, width * factor, height * factor, { palette, delay });
    onProgress((number + 1) / frames.length);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
  }
  gif.finish();
  return new Blob([gif.bytes()], { type: 'image/gif' });
}
