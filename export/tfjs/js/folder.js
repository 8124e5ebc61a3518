/**
 * The folder that bin/export --format=tfjs writes, from a server, from this computer, or in Node.
 */

const HOW = 'Make it with bin/export --format=tfjs.';
const BYTES = { float32: 4, int32: 4, float16: 2, uint8: 1 };
const DEPTH = 3; // exported/1606/model.json

/** What went wrong, in words for people. */
export class PageError extends Error {}

async function fetchFile(address, name) {
  const response = await fetch(new URL(name, address)).catch(() => null);
  if (!response?.ok) {
    const reason = response ? `the server answered ${response.status}` : 'the server did not answer';
    throw new PageError(`The model's file ${name} could not be fetched: ${reason}.`);
  }
  return response.arrayBuffer();
}

async function readFile(files, name) {
  const file = files.find((each) => each.name === name);
  if (!file) {
    throw new PageError(`The folder has no file ${name}, so the model is not whole. ${HOW}`);
  }
  return file.arrayBuffer().catch(() => {
    throw new PageError(`The file ${name} could not be read; it may have been moved.`);
  });
}

/**
 * @param {{address: string} | {files: File[]}} source an address ends with a slash.
 * @returns {(name: string) => Promise<ArrayBuffer>}
 */
export function readerOf({ address, files }) {
  return (name) => (files ? readFile(files, name) : fetchFile(address, name));
}

async function readJson(read, name) {
  const text = new TextDecoder().decode(await read(name));
  try {
    return JSON.parse(text);
  } catch {
    throw new PageError(`The file ${name} is damaged: it is no JSON. ${HOW}`);
  }
}

const sizesOf = (end) => end?.tensorShape?.dim?.slice(1).map(({ size }) => Number(size)).join();

/** Whether the graph takes and makes what this page gives and shows. */
function fits({ format, signature, weightsManifest }, about) {
  const { inputs, outputs } = signature ?? {};
  const clip = [about.num_frames, about.resolution, about.resolution, about.video_channels].join();
  return (
    format === 'graph-model' &&
    Array.isArray(weightsManifest) &&
    sizesOf(inputs?.latent) === String(about.latent_size) &&
    sizesOf(inputs?.classes) === String(about.classes.length) &&
    sizesOf(outputs?.clip) === clip
  );
}

/**
 * Reads what a model is, without its weights.
 * @returns {Promise<{metadata: object, model: object}>} metadata.json and model.json.
 */
export async function describe(read) {
  const metadata = await readJson(read, 'metadata.json');
  const numbers = ['resolution', 'num_frames', 'video_channels', 'latent_size', 'fps'];
  if (!metadata?.classes?.length || !numbers.every((name) => metadata[name] > 0)) {
    throw new PageError(`The file metadata.json does not describe a generator that this page can show. ${HOW}`);
  }
  const model = await readJson(read, 'model.json');
  if (!fits(model, metadata)) {
    const version = metadata.code_version ?? 'of an unknown version';
    throw new PageError(`This model was exported by dvdgan_tf ${version} and does not fit this page. Export it again.`);
  }
  return { metadata, model };
}

function bytesOf({ shape, dtype, quantization }) {
  return shape.reduce((product, size) => product * size, BYTES[quantization?.dtype ?? dtype]);
}

/**
 * Reads the weights of a model.
 * @returns {Promise<ArrayBuffer[]>} one a file, in order.
 */
export async function readWeights(read, { weightsManifest }, onFraction = () => {}) {
  const paths = weightsManifest.flatMap((group) => group.paths);
  const expected = weightsManifest.flatMap(({ weights }) => weights.map(bytesOf)).reduce((sum, size) => sum + size, 0);
  const parts = [];
  let found = 0;
  for (const path of paths) {
    parts.push(await read(path));
    found += parts.at(-1).byteLength;
    onFraction(found / expected);
  }
  if (found !== expected) {
    throw new PageError(`The weights of the model are not whole: ${found} bytes instead of ${expected}. ${HOW}`);
  }
  return parts;
}

async function within(entry, depth) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ folder: entry.fullPath.slice(0, -entry.name.length), file }];
  }
  const found = [];
  const listing = entry.createReader();
  while (depth > 0) {
    const entries = await new Promise((resolve, reject) => listing.readEntries(resolve, reject));
    if (!entries.length) {
      break;
    }
    found.push(...(await Promise.all(entries.map((each) => within(each, depth - 1)))).flat());
  }
  return found;
}

/** The files of the one model among what was found. */
function modelAmong(found) {
  const folders = found.filter(({ file }) => file.name === 'model.json').map(({ folder }) => folder);
  if (folders.length === 0) {
    throw new PageError(`What was given is no model: there is no model.json in it. ${HOW}`);
  }
  if (folders.length > 1) {
    throw new PageError(`There are ${folders.length} models in what was given: ${folders.join(', ')}. Give one of them.`);
  }
  const [name] = folders;
  return { name: name.replaceAll(/^\/|\/$/g, ''), files: found.filter(({ folder }) => folder === name).map(({ file }) => file) };
}

/** The model in what was dropped on the page: {name, files}. */
export async function dropped(transfer) {
  // Entries have to be taken before anything is waited for.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter(Boolean);
  const found = await Promise.all(entries.map((entry) => within(entry, DEPTH))).catch(() => {
    throw new PageError('What was dropped could not be read.');
  });
  return modelAmong(found.flat());
}

/** The model in a folder that was chosen: {name, files}. */
export function chosen(files) {
  return modelAmong([...files].map((file) => ({ folder: file.webkitRelativePath.slice(0, -file.name.length), file })));
}
