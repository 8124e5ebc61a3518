/**
 * WebM by the browser's own recorder, which works in real time.
 */

const TYPE = 'video/webm';
const BITS_PER_SECOND = 4_000_000;

export const canRecordWebm = () =>
  typeof MediaRecorder !== 'undefined' && MediaRecorder.isTypeSupported(TYPE) && 'captureStream' in HTMLCanvasElement.prototype;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * @param {ImageData[]} frames
 * @param {number} fps
 * @param {number} factor every pixel is repeated so often in both directions.
 * @param {(fraction: number) => void} onProgress
 * @returns {Promise<Blob>}
 */
export async function recordWebm(frames, fps, factor, onProgress) {
  const small = new OffscreenCanvas(frames[0].width, frames[0].height);
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [small.width * factor, small.height * factor];
  const context = canvas.getContext('2d');
  context.imageSmoothingEnabled = false;
  const draw = (frame) => {
    small.getContext('2d').putImageData(frame, 0, 0);
    context.drawImage(small, 0, 0, canvas.width, canvas.height);
  };
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
