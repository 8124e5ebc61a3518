/**
 * A generator exported by bin/export --format=tfjs: (latent, classes) -> clip.
 */
import { readWeights } from './folder.js';
import { tf } from './runtime.js';

const KERNELS_BETWEEN_REPORTS = 16;

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
  /**
   * @param {(name: string) => Promise<ArrayBuffer>} read
   * @param {{metadata: object, model: object}} described metadata.json and model.json.
   */
  static async load(read, { metadata, model: { modelTopology, signature, format, weightsManifest } }, onFraction) {
    const weightData = await readWeights(read, { weightsManifest }, onFraction);
    const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
    const artifacts = { modelTopology, signature, format, weightSpecs, weightData };
    const graph = await tf.loadGraphModel({ load: async () => artifacts });
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
