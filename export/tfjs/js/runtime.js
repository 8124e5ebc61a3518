/**
 * TensorFlow.js from vendor/, for a worker and for Node alike. The files make one global `tf`.
 */
import '../vendor/tf-core.es2017.min.js';
import '../vendor/tf-converter.es2017.min.js';
import '../vendor/tf-backend-webgl.es2017.min.js';
import '../vendor/tf-backend-wasm.es2017.min.js';

export const tf = globalThis.tf;

const NAMES = { webgl: 'WebGL', wasm: 'WebAssembly' };

/** Opens the first of the given backends that works; returns its name and why the ones before it did not. */
export async function openBackend(names, wasmFolder) {
  // Threads would need a third binary and two headers that plain file servers do not send.
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  tf.wasm.setWasmPaths(wasmFolder);
  const reasons = [];
  for (const name of names) {
    try {
      if (await tf.setBackend(name)) {
        return { name, reasons };
      }
      reasons.push(`${NAMES[name]} is not available here`);
    } catch (error) {
      reasons.push(`${NAMES[name]} is not available here (${error.message})`);
    }
  }
  throw new Error(`${reasons.join('; ')}. Try another browser, or turn on hardware acceleration.`);
}
