/**
 * The page's side of worker.js: clips on request, one at a time, and the last ones remembered.
 */
import { toFrames } from './film.js';
import { interpolate, mix, sampleLatent } from './latents.js';

const REMEMBERED = 64;

/** What went wrong, in words for people. */
export class GeneratorError extends Error {}

async function fetchMetadata(address) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) {
    const reason = response ? `the server answered ${response.status}` : 'the server did not answer';
    throw new GeneratorError(`${address} could not be read (${reason}). Make it with bin/export --format=tfjs.`);
  }
  const metadata = await response.json().catch(() => null);
  if (!metadata?.classes?.length) {
    throw new GeneratorError(`${address} does not describe a generator. Make it with bin/export --format=tfjs.`);
  }
  return metadata;
}

export class Generator {
  /** Reads what the model is; open() loads it. */
  static async describe(folder) {
    return new Generator(folder, await fetchMetadata(`${folder}/metadata.json`));
  }

  constructor(folder, metadata) {
    this.folder = folder;
    this.metadata = metadata;
    this.remembered = new Map();
    this.waiting = new Map();
    this.onProgress = () => {};
  }

  /**
   * Starts a worker with the model; one that runs already is ended first.
   * @param {string} backend automatic, webgl or wasm.
   * @returns {Promise<{backend: string, notice: string | null}>} what it runs on, and why not what was asked for.
   */
  async open(backend) {
    this.close();
    this.worker = new Worker(new URL('worker.js', import.meta.url), { type: 'module' });
    this.worker.onmessage = ({ data }) => this.received(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.received({ kind: 'failed', message: event.message || 'The worker could not be started.' });
    };
    const address = new URL(`${this.folder}/model.json`, document.baseURI).href;
    return this.ask(undefined, { kind: 'open', address, metadata: this.metadata, backend });
  }

  close() {
    this.worker?.terminate();
    this.failAll('The backend was changed.');
    this.remembered.clear();
  }

  /**
   * The clip between two seeds and classes.
   * @param {{label: number, seed: bigint}} first
   * @param {{label: number, seed: bigint}} second
   * @param {number} weight from 0 (first) to 1 (second).
   * @param {number} truncation in [0, 1].
   * @returns {Promise<{frames: ImageData[], milliseconds: number}>}
   */
  async clip(first, second, weight, truncation) {
    const ends = weight === 0 ? [first] : weight === 1 ? [second] : [first, second];
    const id = [...ends.map(({ label, seed }) => `${label}/${seed}`), ends.length > 1 ? weight : '', truncation].join();
    if (!this.remembered.has(id)) {
      const made = this.make(id, ends, weight, truncation);
      made.catch(() => this.remembered.delete(id));
      this.remember(id, made);
    }
    return this.remembered.get(id);
  }

  async make(id, ends, weight, truncation) {
    const latents = ends.map(({ seed }) => sampleLatent(seed, this.metadata.latent_size, truncation));
    const classes = ends.map(({ label }) => this.oneHot(label));
    const between = (mixed, values) => (values.length === 1 ? values[0] : mixed(...values, weight));
    const inputs = { latent: between(interpolate, latents), classes: between(mix, classes) };
    const { pixels, milliseconds } = await this.ask(id, { kind: 'generate', id, ...inputs });
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

  ask(id, message) {
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage(message);
    });
  }

  received(message) {
    if (message.kind === 'progress') {
      this.onProgress(message.fraction);
      return;
    }
    if (message.kind === 'failed' && !this.waiting.has(message.id)) {
      this.failAll(message.message);
      return;
    }
    const { resolve, reject } = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.kind === 'failed') {
      reject(new GeneratorError(message.message));
    } else {
      resolve(message);
    }
  }

  failAll(reason) {
    for (const { reject } of this.waiting.values()) {
      reject(new GeneratorError(reason));
    }
    this.waiting.clear();
  }
}
