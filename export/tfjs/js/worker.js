/**
 * The generator off the main thread. Messages: open {id, source, described, backend} -> opened, generate {id, latent,
 * classes} -> clip; progress in between, failed when something goes wrong, each with the id of what it answers.
 */
import { toPixels } from './film.js';
import { readerOf } from './folder.js';
import { Model } from './model.js';
import { openBackend, tf } from './runtime.js';

const WASM_FOLDER = new URL('../vendor/', import.meta.url).href;
const ORDERS = { webgl: ['webgl', 'wasm'], wasm: ['wasm', 'webgl'] };
const SOFTWARE = /swiftshader|llvmpipe|software|basic render/i;

let model = null;

/** Whether WebGL has a graphics card: made by software it is slower than WebAssembly. */
function hasGraphicsCard() {
  const context = new OffscreenCanvas(1, 1).getContext('webgl2', { failIfMajorPerformanceCaveat: true });
  const names = context?.getExtension('WEBGL_debug_renderer_info');
  return context !== null && !SOFTWARE.test(context.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? context.RENDERER));
}

async function open({ id, source, described, backend }) {
  tf.env().set('SOFTWARE_WEBGL_ENABLED', true); // better than nothing
  const first = backend !== 'automatic' ? backend : hasGraphicsCard() ? 'webgl' : 'wasm';
  const opened = await openBackend(ORDERS[first], WASM_FOLDER);
  const report = (fraction) => postMessage({ kind: 'progress', id, fraction });
  model = await Model.load(readerOf(source), described, report);
  const fellBack = backend !== 'automatic' && opened.name !== backend;
  postMessage({ kind: 'opened', id, backend: opened.name, notice: fellBack ? opened.reasons.join('; ') : null });
}

async function generate({ id, latent, classes }) {
  const start = performance.now();
  const clip = await model.generate(latent, classes, (fraction) => postMessage({ kind: 'progress', id, fraction }));
  const milliseconds = performance.now() - start;
  if (clip.some(Number.isNaN)) {
    throw new Error('The model made values that are no numbers. Choose what it runs on, or export it again.');
  }
  const pixels = toPixels(clip, model.metadata.video_channels);
  postMessage({ kind: 'clip', id, pixels, milliseconds }, [pixels.buffer]);
}

const TASKS = { open, generate };

self.onmessage = async ({ data }) => {
  try {
    await TASKS[data.kind](data);
  } catch (error) {
    postMessage({ kind: 'failed', id: data.id, message: error.message });
  }
};
