/**
 * Downloads of what is on the screen.
 */
import { tile, viewingFactor } from './film.js';
import { encodeGif } from './gif.js';
import { recordWebm } from './webm.js';

function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

const LOOPS_OF_WEBM = 2;

/**
 * Saves films as one, side by side in columns.
 * @param {string} format gif or webm; a GIF loops by itself, a WebM holds two rounds.
 */
export async function save(format, films, columns, fps, name, onProgress) {
  const frames = films.length > 1 ? tile(films, columns) : films[0];
  const factor = viewingFactor(frames[0]);
  if (format === 'gif') {
    download(encodeGif(frames, fps, factor), `${name}.gif`);
  } else {
    const rounds = Array.from({ length: LOOPS_OF_WEBM }, () => frames).flat();
    download(await recordWebm(rounds, fps, factor, onProgress), `${name}.webm`);
  }
}
