/**
 * The page's model and runtime in Node: node export/tfjs/run_in_node.mjs MODEL REQUESTS.json CLIPS.bin
 *
 * REQUESTS is {"latent": [[120 numbers], ...], "classes": [[one per class], ...]}; CLIPS gets float32 [B, T, H, W, C].
 * Prints the milliseconds of every clip, on the WebAssembly backend.
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const vendor = path.join(here, 'vendor');
// What the WebAssembly backend takes from Node when it is not loaded as a module of Node's own kind.
Object.assign(globalThis, { fs, path, require: createRequire(import.meta.url), __dirname: vendor });

const { openBackend } = await import('./js/runtime.js');
const { describe } = await import('./js/folder.js');
const { Model } = await import('./js/model.js');

const [folder, requests, output] = process.argv.slice(2);
await openBackend(['wasm'], `${vendor}/`);
const read = async (name) => new Uint8Array(fs.readFileSync(path.join(folder, name))).buffer;
const model = await Model.load(read, await describe(read));
const { latent, classes } = JSON.parse(fs.readFileSync(requests));
const clips = [];
for (const [index, row] of latent.entries()) {
  const start = performance.now();
  clips.push(Buffer.from((await model.generate(Float32Array.from(row), Float32Array.from(classes[index]))).buffer));
  console.log((performance.now() - start).toFixed(1));
}
fs.writeFileSync(output, Buffer.concat(clips));
