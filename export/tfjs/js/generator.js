/**
 * The page's side of worker.js: clips on request, one at a time, and the last ones remembered.
 */
import { toFrames } from './film.js';
import { PageError } from './folder.js';
import { interpolate, mix, sampleLatent } from './latents.js';

const REMEMBERED = 64;
const OPENING = 'open';

export class Generator {
  /** @param source of the model's files; described: its metadata.json and model.json, see folder.js. */
  constructor(source, described) {
    this.source = source;
    this.described = described;
    this.metadata = described.metadata;
    this.remembered = new Map();
    this.running = null;
    this.unsent = null;
  }

  /**
   * Starts a worker with the model; one that runs already is ended first.
   * @param {string} backend automatic, webgl or wasm.
   * @param {(fraction: number) => void} onProgress of loading.
   * @returns {Promise<{backend: string, notice: string | null}>} what it runs on, and why not what was asked for.
   */
  async open(backend, onProgress) {
    this.close();
    this.worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => this.received(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.failAll(event.message || 'The worker could not be started.');
    };
    const { source, described } = this;
    return this.ask({ kind: 'open', id: OPENING, source, described, backend }, onProgress);
  }

  close() {
    this.worker?.terminate();
    this.failAll('The generator was closed.');
    this.remembered.clear();
  }

  /**
   * The clip between two seeds and classes.
   * @param {{first: {label: number, seed: bigint}, second: object, weight: number}} wanted weight from 0 (first) to 1.
   * @param {number} truncation in [0, 1].
   * @param {(fraction: number) => void} onProgress
   * @returns {Promise<{frames: ImageData[], milliseconds: number}>}
   */
  async clip({ first, second, weight }, truncation, onProgress) {
    const ends = weight === 0 ? [first] : weight === 1 ? [second] : [first, second];
    const id = [...ends.map(({ label, seed }) => `${label}/${seed}`), ends.length > 1 ? weight : '', truncation].join();
    if (this.running?.message.id === id) {
      this.running.onProgress = onProgress;
    }
    if (!this.remembered.has(id)) {
      const made = this.make(id, ends, weight, truncation, onProgress);
      made.catch(() => this.remembered.delete(id));
      this.remember(id, made);
    }
    return this.remembered.get(id);
  }

  async make(id, ends, weight, truncation, onProgress) {
    const latents = ends.map(({ seed }) => sampleLatent(seed, this.metadata.latent_size, truncation));
    const classes = ends.map(({ label }) => this.oneHot(label));
    const between = (mixed, values) => (values.length === 1 ? values[0] : mixed(...values, weight));
    const inputs = { latent: between(interpolate, latents), classes: between(mix, classes) };
    const { pixels, milliseconds } = await this.ask({ kind: 'generate', id, ...inputs }, onProgress);
    return { frames: toFrames(pixels, this.metadata.resolution), milliseconds };
  }

  oneHot(label) {
    return Float32Array.from(this.metadata.classes, (_, index) => (index === label ? 1 : 0));
  }

  /** Keeps a promise of a clip, so that nothing is made twice, and forgets the oldest. */
  remember(id, made) {
    this.remembered.set(id, made);
    if (this.remembered.size > REMEMBERED) {
      this.remembered.delete(this.remembered.keys().next().value);
    }
  }

  /** Sends a message, or keeps it until the worker is free; a newer one takes its place. */
  ask(message, onProgress) {
    this.dropUnsent();
    return new Promise((resolve, reject) => {
      this.unsent = { message, onProgress, resolve, reject };
      this.sendNext();
    });
  }

  sendNext() {
    if (!this.running && this.unsent) {
      [this.running, this.unsent] = [this.unsent, null];
      this.worker.postMessage(this.running.message);
    }
  }

  /** Gives up what the worker was not told yet: nobody wants it any more. */
  dropUnsent() {
    if (this.unsent) {
      this.remembered.delete(this.unsent.message.id);
      this.unsent.reject(new PageError('Something newer was asked for.'));
      this.unsent = null;
    }
  }

  received(message) {
    if (message.id !== this.running?.message.id) {
      return;
    }
    if (message.kind === 'progress') {
      this.running.onProgress(message.fraction);
      return;
    }
    const { resolve, reject } = this.running;
    this.running = null;
    this.sendNext();
    if (message.kind === 'failed') {
      reject(new PageError(message.message));
    } else {
      resolve(message);
    }
  }

  failAll(reason) {
    this.running?.reject(new PageError(reason));
    this.running = null;
    this.dropUnsent();
  }
}
