/**
 * The page: choices in, films out. The newest choice wins; what an older one still wanted is dropped.
 */
import { fromHash, toHash } from './address.js';
import { anotherSeed, element, offerClasses, readChoices, showChoices, writeChoices } from './controls.js';
import { PageError, chosen as chosenFolder, describe, dropped, readerOf } from './folder.js';
import { Generator } from './generator.js';
import { Player } from './player.js';
import { save } from './saving.js';
import { Stage } from './stage.js';
import { VIEWS, morphFilm, stepsOf } from './views.js';
import { canSaveWebm } from './webm.js';

const SERVED_MODEL = { address: new URL('model/', document.baseURI).href };
const BACKENDS = { wasm: 'the processor', webgl: 'the graphics card' };

const player = new Player((number) => {
  if (stage.positions) {
    element('weight').value = stage.positions[number];
    showChoices();
  }
});
const stage = new Stage(element('cells'), player);
let generator = null;
let backend = null; // null until the model is loaded
let newest = 0;
let retry = () => {};
let lastMoved = null;

function report(fraction, text) {
  const progress = element('progress');
  progress.classList.remove('idle');
  if (fraction === null) {
    progress.removeAttribute('value');
  } else {
    progress.value = fraction;
  }
  element('status').textContent = text;
}

function say(text) {
  element('status').textContent = text;
  element('progress').classList.add('idle');
}

function notice(text) {
  element('notice').hidden = !text;
  element('notice').textContent = text;
}

/** Shows what went wrong with the newest choice; what befalls older ones is nobody's concern. */
function complain(error, choice, again) {
  if (choice !== newest) {
    return;
  }
  retry = again;
  element('error-text').textContent = error.message;
  element('error').hidden = element('footer').hidden = false; // another model can be opened at its foot
  say('');
  if (!(error instanceof PageError)) {
    throw error;
  }
}

/** A new choice begins: its number, by which later ones are told from it. */
function begin() {
  newest += 1;
  generator?.dropUnsent();
  element('error').hidden = true;
  return newest;
}

function offerSaving() {
  element('play').disabled = element('gif').disabled = !stage.full;
  element('webm').disabled = !stage.full || !canSaveWebm();
}

/** Makes the videos of cells one after another; stops without a word when there is a newer choice. */
async function make(cells, truncation, choice, onClip) {
  let total = 0;
  for (const [index, cell] of cells.entries()) {
    const text = cells.length > 1 ? `Generating ${index + 1} of ${cells.length}` : 'Generating';
    const onProgress = (fraction) => choice === newest && report((index + fraction) / cells.length, text);
    onProgress(0);
    const { frames, milliseconds } = await generator.clip(cell, truncation, onProgress);
    if (choice !== newest) {
      return;
    }
    total += milliseconds;
    onClip(frames, index);
  }
  say(`Made in ${Math.round(total / cells.length)} ms${cells.length > 1 ? ' each' : ''} by ${BACKENDS[backend]}`);
}

async function showView(state, choice) {
  const view = VIEWS[state.view](state, generator.metadata);
  stage.lay(view, state.view === 'grid' ? (index) => choose({ ...state, view: 'one', first: view.cells[index].first }) : null);
  element('caption').textContent = view.caption;
  offerSaving();
  await make(view.cells, state.truncation, choice, (frames, index) => stage.fill(index, frames));
}

async function showMorph(state, choice) {
  const clips = [];
  await make(stepsOf(state), state.truncation, choice, (frames) => clips.push(frames));
  if (choice === newest) {
    const { frames, positions } = morphFilm(clips);
    const view = VIEWS.morph({ ...state, weight: 0 }, generator.metadata);
    stage.lay({ ...view, name: `morph ${view.cells[0].label}` });
    stage.fill(0, frames, positions);
  }
}

/** Shows what is chosen now. */
async function update(show = showView) {
  showChoices();
  const state = readChoices();
  element('controls').reportValidity();
  if (!state || !backend) {
    return;
  }
  const choice = begin();
  try {
    await show(state, choice);
    offerSaving();
  } catch (error) {
    complain(error, choice, () => update(show));
  }
}

/** Writes the choices to the address: a step for Back, but one alone for several moves of the same slider. */
function remember(slider = null) {
  const state = readChoices();
  const hash = state && toHash(state, generator.metadata.classes);
  if (hash && hash !== location.hash) {
    history[slider !== null && slider === lastMoved ? 'replaceState' : 'pushState'](null, '', hash);
    lastMoved = slider;
  }
}

/** Chooses for the visitor, who finds the way back beside the video. */
function choose(state) {
  writeChoices(state);
  remember();
  update();
  element('to-grid').focus({ preventScroll: true });
}

/** Follows the address, when the page opens and on Back. */
function follow() {
  const { state, problems } = fromHash(location.hash, generator.metadata.classes);
  lastMoved = null;
  writeChoices(state);
  notice(problems.length ? `In this address ${problems.join(', ')}. What is shown stands in for it.` : '');
}

/** Loads the generator on what is chosen to compute with. */
async function load() {
  const choice = begin();
  backend = null;
  const onProgress = (fraction) =>
    fraction < 1 ? report(fraction, 'Loading the model') : report(null, 'Preparing the model');
  onProgress(0);
  try {
    const opened = await generator.open(element('backend').value, onProgress);
    if (choice !== newest) {
      return;
    }
    backend = opened.backend;
    if (opened.notice) {
      notice(`Computed by ${BACKENDS[backend]}, because ${opened.notice}.`);
    }
  } catch (error) {
    complain(error, choice, load);
    return;
  }
  await update();
}

function present({ classes, fps, num_frames: frames, resolution, step, code_version: version }, name) {
  const kinds = classes.length > 1 ? ` of ${classes.length} classes` : '';
  element('facts').textContent =
    `${name}: videos${kinds}, ${frames} frames of ${resolution}×${resolution}, ${fps} a second, after ` +
    `${Number(step).toLocaleString('en')} training steps with dvdgan_tf ${version}.`;
  offerClasses(classes);
  player.fps = fps;
}

/** Opens a model: what find() gives has to be one before it takes the place of another. */
async function open(find) {
  const choice = begin();
  report(null, 'Looking at the model');
  try {
    const { name, source } = await find();
    const described = await describe(readerOf(source));
    if (choice !== newest) {
      return;
    }
    if (generator) {
      generator.close();
      history.pushState(null, '', location.pathname); // the address of another model's video
    }
    generator = new Generator(source, described);
    present(described.metadata, name);
    follow();
    showChoices();
    element('controls').hidden = element('footer').hidden = false;
  } catch (error) {
    complain(error, choice, () => open(find));
    return;
  }
  await load();
}

async function saveAs(format) {
  const button = element(format);
  const choice = newest;
  button.disabled = true;
  try {
    await save(format, stage, generator.metadata.fps, (fraction) => choice === newest && report(fraction, 'Encoding'));
    if (choice === newest) {
      say('Saved');
    }
  } catch (error) {
    complain(error, choice, () => saveAs(format));
  } finally {
    offerSaving();
  }
}

function togglePlaying() {
  const playing = player.toggle();
  element('play').textContent = playing ? 'Pause' : 'Play';
  element('play').setAttribute('aria-label', `${playing ? 'Pause' : 'Play'} the video`);
}

function listenToControls() {
  const controls = element('controls');
  controls.addEventListener('submit', (event) => event.preventDefault());
  controls.addEventListener('input', ({ target }) => target.id !== 'backend' && update());
  controls.addEventListener('change', ({ target: { id, type } }) => id !== 'backend' && remember(type === 'range' ? id : null));
  element('backend').addEventListener('change', load);
  for (const field of ['seed', 'to-seed', 'grid-seed']) {
    element(field.replace('seed', 'another')).addEventListener('click', () => {
      anotherSeed(element(field));
      remember();
      update();
    });
  }
  element('morph').addEventListener('click', () => update(showMorph));
}

function listen() {
  listenToControls();
  element('play').addEventListener('click', togglePlaying);
  for (const format of ['gif', 'webm']) {
    element(format).addEventListener('click', () => saveAs(format));
  }
  element('to-grid').addEventListener('click', () => {
    writeChoices({ ...readChoices(), view: 'grid' });
    remember();
    update();
  });
  element('retry').addEventListener('click', () => retry());
  addEventListener('popstate', () => {
    if (generator) {
      follow();
      update();
    }
  });
  listenToFolders();
}

function listenToFolders() {
  const openFound = (found) => open(async () => found.then(({ name, files }) => ({ name, source: { files } })));
  element('choose').addEventListener('click', () => element('folder').click());
  element('folder').addEventListener('change', async ({ target }) => openFound((async () => chosenFolder(target.files))()));
  addEventListener('dragover', (event) => event.preventDefault());
  addEventListener('drop', (event) => {
    event.preventDefault();
    openFound(dropped(event.dataTransfer));
  });
}

listen();
if (!canSaveWebm()) {
  element('webm').title = 'This browser cannot make WebM; save a GIF.';
}
if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
  togglePlaying();
}
open(async () => ({ name: 'The model', source: SERVED_MODEL }));
