/**
 * Downloads of what is on the screen.
 */
import { tile, viewingFactor } from './film.js';
import { encodeGif } from './gif.js';
import { encodeWebm } from './webm.js';

function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const ROUNDS_OF_WEBM = 2;

/**
 * Saves the films of a stage as one.
 * @param {string} format gif or webm; a GIF loops by itself, a WebM holds two rounds.
 * @param {{films: {frames: ImageData[]}[], columns: number, name: string}} stage
 * @param {number} fps
 * @param {(fraction: number) => void} onProgress
 */
export async function save(format, { films, columns, name }, fps, onProgress) {
  const frames = films.length > 1 ? tile(films.map((film) => film.frames), columns) : films[0].frames;
  const factor = viewingFactor(frames[0]);
  const file = name.replaceAll(/[^\w-]+/g, '_');
  if (format === 'gif') {
    download(await encodeGif(frames, fps, factor, onProgress), `${file}.gif`);
  } else {
    const rounds = Array.from({ length: ROUNDS_OF_WEBM }, () => frames).flat();
    download(await encodeWebm(rounds, fps, factor, onProgress), `${file}.webm`);
  }
}
