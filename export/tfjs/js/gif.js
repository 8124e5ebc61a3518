/**
 * Animated GIF (GIF89a): every frame with its own palette of 256 colours, looping for ever.
 */
import { quantize } from './palette.js';

const COLOURS = 256;
const CODE_BITS = 8;
const CLEAR = 256;
const END = 257;
const LARGEST_CODE = 4095;
const BLOCK = 255;

const word = (value) => [value & 255, value >> 8];

/** Codes of growing width, lowest bit first. */
class BitWriter {
  constructor() {
    this.bytes = [];
    this.pending = 0;
    this.bits = 0;
  }

  write(code, width) {
    this.pending |= code << this.bits;
    this.bits += width;
    for (; this.bits >= 8; this.bits -= 8) {
      this.bytes.push(this.pending & 255);
      this.pending >>= 8;
    }
  }

  finish() {
    if (this.bits) {
      this.bytes.push(this.pending & 255);
    }
    return this.bytes;
  }
}

/** LZW as in GIF: the dictionary starts again when it is full. */
export function compress(indices) {
  const writer = new BitWriter();
  let known = new Map();
  let next = END + 1;
  let width = CODE_BITS + 1;
  let prefix = indices[0];
  writer.write(CLEAR, width);
  for (const index of indices.subarray(1)) {
    const key = (prefix << 8) | index;
    if (known.has(key)) {
      prefix = known.get(key);
      continue;
    }
    writer.write(prefix, width);
    prefix = index;
    if (next <= LARGEST_CODE) {
      known.set(key, next);
      if (next === 1 << width) {
        width += 1;
      }
      next += 1;
    } else {
      writer.write(CLEAR, width);
      known = new Map();
      next = END + 1;
      width = CODE_BITS + 1;
    }
  }
  writer.write(prefix, width);
  if (next === 1 << width && width < 12) {
    width += 1; // a reader has added an entry by now
  }
  writer.write(END, width);
  return writer.finish();
}

function magnified(indices, width, factor) {
  const wide = width * factor;
  return Uint8Array.from(
    { length: indices.length * factor * factor },
    (_, index) => indices[Math.floor(index / wide / factor) * width + Math.floor((index % wide) / factor)],
  );
}

function encodeFrame(frame, factor, hundredths) {
  const { palette, indices } = quantize(frame, COLOURS);
  const colours = Array.from({ length: COLOURS }, (_, index) => palette[index] ?? [0, 0, 0]).flat();
  const data = compress(magnified(indices, frame.width, factor));
  const blocks = [];
  for (let start = 0; start < data.length; start += BLOCK) {
    const block = data.slice(start, start + BLOCK);
    blocks.push(Uint8Array.from([block.length, ...block]));
  }
  const size = [...word(frame.width * factor), ...word(frame.height * factor)];
  const control = [0x21, 0xf9, 4, 0x04, ...word(hundredths), 0, 0];
  return [Uint8Array.from([...control, 0x2c, 0, 0, 0, 0, ...size, 0x87, ...colours, CODE_BITS]), ...blocks, Uint8Array.of(0)];
}

/**
 * @param {ImageData[]} frames
 * @param {number} fps GIF counts in hundredths of a second, and players refuse less than two.
 * @param {number} factor every pixel is repeated so often in both directions.
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<Blob>}
 */
export async function encodeGif(frames, fps, factor, onProgress = () => {}) {
  const [{ width, height }] = frames;
  const ascii = (text) => [...text].map((letter) => letter.charCodeAt(0));
  const header = [...ascii('GIF89a'), ...word(width * factor), ...word(height * factor), 0x70, 0, 0];
  const loop = [0x21, 0xff, 11, ...ascii('NETSCAPE2.0'), 3, 1, 0, 0, 0];
  const hundredths = Math.max(2, Math.round(100 / fps));
  const parts = [];
  for (const [index, frame] of frames.entries()) {
    parts.push(...encodeFrame(frame, factor, hundredths));
    onProgress((index + 1) / frames.length);
    await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
  }
  return new Blob([Uint8Array.from([...header, ...loop]), ...parts, Uint8Array.of(0x3b)], { type: 'image/gif' });
}
