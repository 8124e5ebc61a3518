/**
 * WebM: encoded by WebCodecs as fast as it goes, or recorded in real time where a browser has none.
 */

const TYPE = 'video/webm';
const BITS_PER_SECOND = 4_000_000;
const CODECS = ['vp9', 'vp8'];

const canEncode = () => 'VideoEncoder' in globalThis;
const canRecord = () =>
  typeof MediaRecorder !== 'undefined' && MediaRecorder.isTypeSupported(TYPE) && 'captureStream' in HTMLCanvasElement.prototype;

export const canSaveWebm = () => canEncode() || canRecord();

/** A canvas for magnified frames, and what draws one. */
function easel({ width, height }, factor) {
  const small = new OffscreenCanvas(width, height);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [width * factor, height * factor];
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  const draw = (frame) => {
    small.getContext('2d').putImageData(frame, 0, 0);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  };
  return { canvas, draw };
}

/**
 * @param {ImageData[]} frames
 * @param {number} fps
 * @param {number} factor every pixel is repeated so often in both directions.
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<Blob>}
 */
export async function encodeWebm(frames, fps, factor, onProgress) {
  const { canvas, draw } = easel(frames[0], factor);
  if (canEncode()) {
    const media = await import('../vendor/mediabunny.min.mjs');
    const size = { width: canvas.width, height: canvas.height, bitrate: BITS_PER_SECOND };
    const codec = await media.getFirstEncodableVideoCodec(CODECS, size);
    if (codec) {
      return encode(media, codec, canvas, draw, frames, fps, onProgress);
    }
  }
  return record(canvas, draw, frames, fps, onProgress);
}

async function encode(media, codec, canvas, draw, frames, fps, onProgress) {
  const output = new media.Output({ format: new media.WebMOutputFormat(), target: new media.BufferTarget() });
  const source = new media.CanvasSource(canvas, { codec, bitrate: BITS_PER_SECOND });
  output.addVideoTrack(source, { frameRate: fps });
  await output.start();
  for (const [index, frame] of frames.entries()) {
    draw(frame);
    await source.add(index / fps, 1 / fps);
    onProgress((index + 1) / frames.length);
  }
  await output.finalize();
  return new Blob([output.target.buffer], { type: TYPE });
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

async function record(canvas, draw, frames, fps, onProgress) {
  draw(frames[0]);
  const stream = canvas.captureStream(0);
  const [track] = stream.getVideoTracks();
  const recorder = new MediaRecorder(stream, { mimeType: TYPE, videoBitsPerSecond: BITS_PER_SECOND });
  const parts = [];
  recorder.ondataavailable = ({ data }) => parts.push(data);
  const stopped = new Promise((resolve, reject) => {
    recorder.onstop = resolve;
    recorder.onerror = ({ error }) => reject(error);
  });
  recorder.start();
  const start = performance.now();
  for (const [index, frame] of frames.entries()) {
    draw(frame);
    track.requestFrame();
    onProgress((index + 1) / frames.length);
    await pause(Math.max(0, start + ((index + 1) * 1000) / fps - performance.now()));
  }
  track.requestFrame(); // the last frame is seen for as long as the others
  recorder.stop();
  await stopped;
  track.stop();
  return new Blob(parts, { type: TYPE });
}
