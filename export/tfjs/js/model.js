/**
 * A generator exported by bin/export --format=tfjs: (latent, classes) -> clip.
 */
import { tf } from './runtime.js';

const KERNELS_BETWEEN_REPORTS = 16;

/** fetch that fails on an answer that is none: TensorFlow.js would take the text of the error for weights. */
async function fetchFile(address, options) {
  const response = await fetch(address, options);
  if (!response.ok) {
    throw new Error(`${address}: the server answered ${response.status}`);
  }
  return response;
}

/** Counts the kernels that TensorFlow.js starts: the only sign of life inside one run of a graph. */
class KernelCount {
  constructor() {
    this.count = 0;
    this.onKernel = () => {};
    const engine = tf.engine();
    const runKernel = engine.runKernel.bind(engine);
    engine.runKernel = (...given) => {
      this.count += 1;
      this.onKernel(this.count);
      return runKernel(...given);
    };
  }
}

export class Model {
  /** @param source what tf.loadGraphModel takes: an address or a handler; metadata: the parsed metadata.json. */
  static async load(source, metadata, onFraction = () => {}) {
    const graph = await tf.loadGraphModel(source, { onProgress: onFraction, fetchFunc: fetchFile });
    const model = new Model(graph, metadata);
    // The first run compiles shaders and counts the kernels of a run.
    await model.generate(new Float32Array(metadata.latent_size), model.oneHot(0));
    model.kernels = model.counter.count;
    return model;
  }

  constructor(graph, metadata) {
    this.graph = graph;
    this.metadata = metadata;
    this.counter = new KernelCount();
    this.kernels = null;
  }

  oneHot(label) {
    const classes = new Float32Array(this.metadata.classes.length);
    classes[label] = 1;
    return classes;
  }

  /**
   * @param {Float32Array} latent [latent_size].
   * @param {Float32Array} classes [num_classes]: one-hot, or a mixture of classes that sums to 1.
   * @param onProgress called with the fraction of kernels started.
   * @returns {Promise<Float32Array>} the clip [T, H, W, C] in [-1, 1].
   */
  async generate(latent, classes, onProgress = () => {}) {
    this.counter.count = 0;
    this.counter.onKernel = (count) => {
      if (this.kernels && count % KERNELS_BETWEEN_REPORTS === 0) {
        onProgress(count / this.kernels);
      }
    };
    const clip = tf.tidy(() =>
      this.graph.execute({ latent: tf.tensor2d([latent]), classes: tf.tensor2d([classes]) }),
    );
    try {
      return await clip.data();
    } finally {
      clip.dispose();
    }
  }
}
