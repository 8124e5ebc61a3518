/**
 * The page: choices in, films out. The newest choice wins; what an older one still wanted is dropped.
 */
import { anotherSeed, choices, element, offerClasses, showChoices } from './controls.js';
import { Generator, GeneratorError } from './generator.js';
import { Player } from './player.js';
import { save } from './saving.js';
import { canRecordWebm } from './webm.js';

const MODEL = 'model';
const POSITIONS = 16;
const FRAMES_OF_MORPH = 96;

let generator;
let player;
let newest = 0;
let shown = { films: [], columns: 1, name: '', positions: null };

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

function canvas(label) {
  const made = document.createElement('canvas');
  made.setAttribute('role', 'img');
  made.setAttribute('aria-label', label);
  return made;
}

/** Puts films on the stage; canvases stay where they are while only their content changes. */
function stage(films, columns, labels, name, { onChoose, positions = null } = {}) {
  const place = element('stage');
  const key = JSON.stringify([labels, columns]);
  if (place.dataset.key !== key) {
    place.dataset.key = key;
    place.style.setProperty('--columns', columns);
    place.replaceChildren(
      ...labels.map((label, index) => {
        const made = canvas(label);
        if (!onChoose) {
          return made;
        }
        const button = document.createElement('button');
        button.type = 'button';
        button.title = label;
        button.append(made);
        button.addEventListener('click', () => onChoose(index));
        return button;
      }),
    );
  }
  shown = { films, columns, name, positions };
  const canvases = place.querySelectorAll('canvas');
  player.show(films.map((frames, index) => ({ canvas: canvases[index], frames })), { restart: positions !== null });
  for (const id of ['play', 'gif']) {
    element(id).disabled = false;
  }
  element('webm').disabled = !canRecordWebm();
}

async function showOne({ first, truncation }, choice) {
  const films = await make([[first, first, 0]], choice, truncation);
  if (films) {
    stage(films, 1, [nameOf(first)], `${nameOf(first)}`);
  }
}

async function showPosition({ first, second, weight, truncation }, choice) {
  const films = await make([[first, second, weight]], choice, truncation);
  if (films) {
    const label = `from ${nameOf(first)} to ${nameOf(second)}`;
    stage(films, 1, [label], `${label}, ${Math.round(100 * weight)} percent`);
  }
}

/** The video goes on while it changes from the first to the second and back; the slider follows. */
async function showMorph({ first, second, truncation }, choice) {
  const requests = Array.from({ length: POSITIONS + 1 }, (_, index) => [first, second, index / POSITIONS]);
  const clips = await make(requests, choice, truncation);
  if (clips) {
    const frames = clips[0].length;
    const total = frames * Math.max(1, Math.round(FRAMES_OF_MORPH / frames));
    const positions = Array.from({ length: total }, (_, n) => Math.round(POSITIONS * (1 - Math.abs(1 - (2 * n) / total))));
    const film = positions.map((position, n) => clips[position][n % frames]);
    const label = `from ${nameOf(first)} to ${nameOf(second)}`;
    stage([film], 1, [label], `morph ${label}`, { positions });
  }
}

async function showGrid({ first, count, truncation }, choice) {
  const classes = generator.metadata.classes.length;
  const cells = Array.from({ length: count }, (_, index) =>
    first.label === null
      ? { label: index % classes, seed: first.seed + BigInt(Math.floor(index / classes)) }
      : { label: first.label, seed: first.seed + BigInt(index) },
  );
  const films = await make(cells.map((cell) => [cell, cell, 0]), choice, truncation);
  if (films) {
    const alone = (index) => {
      element('class').value = cells[index].label;
      element('seed').value = cells[index].seed;
      document.querySelector('input[name="view"][value="one"]').checked = true;
      update();
      element('class').focus();
    };
    const columns = Math.ceil(Math.sqrt(count));
    stage(films, columns, cells.map(nameOf), `${count} videos from seed ${first.seed}`, { onChoose: alone });
  }
}

const VIEWS = { one: showOne, morph: showPosition, grid: showGrid };

/** Shows what is chosen now. */
async function update(show) {
  showChoices();
  const chosen = choices();
  element('controls').reportValidity();
  if (!chosen || !generator?.backend) {
    return;
  }
  newest += 1;
  const choice = newest;
  element('error').hidden = true;
  try {
    await (show ?? VIEWS[chosen.view])(chosen, choice);
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
  report(format === 'gif' ? null : 0);
  await new Promise((resolve) => setTimeout(resolve, 50)); // lets the line above be seen
  try {
    const { films, columns, name } = shown;
    await save(format, films, columns, generator.metadata.fps, name.replaceAll(/[^\w-]+/g, '_'), report);
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
    if (shown.positions) {
      element('weight').value = shown.positions[number];
      showChoices();
    }
  });
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
