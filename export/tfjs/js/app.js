/**
 * The page: choices in, films out. The newest choice wins; what an older one still wanted is dropped.
 */
import { anotherSeed, choices, chooseVideo, element, offerClasses, showChoices } from './controls.js';
import { Generator, GeneratorError } from './generator.js';
import { Player } from './player.js';
import { save } from './saving.js';
import { Stage } from './stage.js';
import { canRecordWebm } from './webm.js';

const MODEL = 'model';
const POSITIONS = 16;
const FRAMES_OF_MORPH = 96;

let generator;
let player;
let stage;
let newest = 0;

function report(fraction) {
  const progress = element('progress');
  progress.classList.remove('idle');
  if (fraction === null) {
    progress.removeAttribute('value');
  } else {
    progress.value = fraction;
  }
}

function say(text) {
  element('status').textContent = text;
  element('progress').classList.add('idle');
}

/** Shows what went wrong with the newest choice; what befalls older ones is nobody's concern. */
function complain(error, choice = newest) {
  if (choice !== newest) {
    return;
  }
  element('error').textContent = error.message;
  element('error').hidden = false;
  say('');
  if (!(error instanceof GeneratorError)) {
    throw error;
  }
}

const nameOf = ({ label, seed }) => `${generator.metadata.classes[label].replaceAll('_', ' ')}, seed ${seed}`;

/** Makes clips for the newest choice only; null as soon as there is a newer one. */
async function make(requests, choice, truncation) {
  const clips = [];
  for (const [first, second, weight] of requests) {
    generator.onProgress = (fraction) => report((clips.length + fraction) / requests.length);
    element('status').textContent = requests.length > 1 ? `Generating ${clips.length + 1} of ${requests.length}` : 'Generating';
    clips.push(await generator.clip(first, second, weight, truncation));
    if (choice !== newest) {
      return null;
    }
  }
  const mean = clips.reduce((sum, { milliseconds }) => sum + milliseconds, 0) / clips.length;
  const { num_frames: frames, resolution } = generator.metadata;
  const many = clips.length > 1 ? `${clips.length} videos, ${Math.round(mean)} ms each` : `Made in ${Math.round(mean)} ms`;
  say(`${many}: ${frames} frames of ${resolution}×${resolution} on ${generator.backend}`);
  return clips.map(({ frames: film }) => film);
}

function show(films, options) {
  stage.show(films, options);
  element('play').disabled = element('gif').disabled = false;
  element('webm').disabled = !canRecordWebm();
}

async function showOne({ first, truncation }, choice) {
  const films = await make([[first, first, 0]], choice, truncation);
  if (films) {
    const label = nameOf(first);
    show([{ label, frames: films[0] }], { name: label });
  }
}

const wayOf = ({ first, second }) => `from ${nameOf(first)} to ${nameOf(second)}`;

async function showPosition(chosen, choice) {
  const { first, second, weight, truncation } = chosen;
  const films = await make([[first, second, weight]], choice, truncation);
  if (films) {
    const label = wayOf(chosen);
    show([{ label, frames: films[0] }], { name: `${label}, ${Math.round(100 * weight)} percent` });
  }
}

/** The video goes on while it changes from the first to the second and back; the slider follows. */
async function showMorph(chosen, choice) {
  const { first, second, truncation } = chosen;
  const requests = Array.from({ length: POSITIONS + 1 }, (_, index) => [first, second, index / POSITIONS]);
  const clips = await make(requests, choice, truncation);
  if (clips) {
    const rounds = Math.max(1, Math.round(FRAMES_OF_MORPH / clips[0].length));
    const total = rounds * clips[0].length;
    const positions = Array.from({ length: total }, (_, n) => Math.round(POSITIONS * (1 - Math.abs(1 - (2 * n) / total))));
    const frames = positions.map((position, n) => clips[position][n % clips[position].length]);
    const label = wayOf(chosen);
    show([{ label, frames }], { name: `morph ${label}`, positions });
  }
}

/** The videos of a grid: seeds from the chosen one on, for one class or for every class in turn. */
function cellsOf({ first: { label, seed }, count }) {
  const classes = generator.metadata.classes.length;
  return Array.from({ length: count }, (_, index) =>
    label === null
      ? { label: index % classes, seed: seed + BigInt(Math.floor(index / classes)) }
      : { label, seed: seed + BigInt(index) },
  );
}

async function showGrid(chosen, choice) {
  const cells = cellsOf(chosen);
  const requests = cells.map((cell) => [cell, cell, 0]);
  const clips = await make(requests, choice, chosen.truncation);
  if (clips) {
    const films = clips.map((frames, index) => ({ label: nameOf(cells[index]), frames }));
    show(films, {
      name: `${cells.length} videos from seed ${chosen.first.seed}`,
      columns: Math.ceil(Math.sqrt(cells.length)),
      onChoose: (index) => {
        chooseVideo(cells[index]);
        update();
      },
    });
  }
}

const VIEWS = { one: showOne, morph: showPosition, grid: showGrid };

/** Shows what is chosen now. */
async function update(view) {
  showChoices();
  const chosen = choices();
  element('controls').reportValidity();
  if (!chosen || !generator?.backend) {
    return;
  }
  newest += 1;
  const choice = newest;
  element('error').hidden = true;
  stage.positions = null; // the slider is the visitor's again
  try {
    await (view ?? VIEWS[chosen.view])(chosen, choice);
  } catch (error) {
    complain(error, choice);
  }
}

async function open() {
  newest += 1;
  const choice = newest;
  generator.backend = null;
  element('error').hidden = element('notice').hidden = true;
  element('status').textContent = 'Loading the model';
  report(null);
  generator.onProgress = (fraction) => {
    report(fraction < 1 ? fraction : null);
    element('status').textContent = fraction < 1 ? 'Loading the model' : 'Preparing the model';
  };
  try {
    const opened = await generator.open(element('backend').value);
    generator.backend = opened.backend;
    element('notice').hidden = opened.notice === null;
    element('notice').textContent = opened.notice ? `Runs on ${opened.backend}, because ${opened.notice}.` : '';
  } catch (error) {
    complain(error, choice);
    return;
  }
  await update();
}

async function saveAs(format) {
  const button = element(format);
  button.disabled = true;
  element('status').textContent = format === 'gif' ? 'Encoding' : 'Recording';
  report(0);
  try {
    await save(format, stage, generator.metadata.fps, report);
    say('Saved');
  } catch (error) {
    complain(error);
  } finally {
    button.disabled = false;
  }
}

function togglePlaying() {
  const playing = player.toggle();
  element('play').textContent = playing ? 'Pause' : 'Play';
  element('play').setAttribute('aria-label', `${playing ? 'Pause' : 'Play'} the video`);
}

function listen() {
  const controls = element('controls');
  controls.addEventListener('submit', (event) => event.preventDefault());
  controls.addEventListener('input', ({ target }) => target.id !== 'backend' && update());
  element('backend').addEventListener('change', open);
  for (const [button, field] of [['another', 'seed'], ['to-another', 'to-seed']]) {
    element(button).addEventListener('click', () => {
      anotherSeed(element(field));
      update();
    });
  }
  element('morph').addEventListener('click', () => update(showMorph));
  element('play').addEventListener('click', togglePlaying);
  for (const format of ['gif', 'webm']) {
    element(format).addEventListener('click', () => saveAs(format));
  }
}

async function start() {
  report(null);
  try {
    generator = await Generator.describe(MODEL);
  } catch (error) {
    complain(error);
    return;
  }
  const { classes, fps, resolution, num_frames: frames, step } = generator.metadata;
  element('about').textContent =
    `${frames} frames of ${resolution}×${resolution}, made in this browser by a DVD-GAN after ${step} steps of training.`;
  offerClasses(classes);
  showChoices();
  player = new Player(fps, (number) => {
    if (stage.positions) {
      element('weight').value = stage.positions[number];
      showChoices();
    }
  });
  stage = new Stage(element('stage'), player);
  listen();
  if (!canRecordWebm()) {
    element('webm').title = 'This browser cannot record WebM; save a GIF.';
  }
  if (matchMedia('(prefers-reduced-motion: reduce)').matches) {
    togglePlaying();
  }
  await open();
}

start();
