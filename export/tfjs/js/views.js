/**
 * What the three views show: cells with the video that each wants, and how they are arranged.
 */
import { MOST_COLUMNS, POSITIONS, columnsOf } from './address.js';
import { plain } from './controls.js';

const COLUMNS_OF_ONE_CLASS = 4;
const FRAMES_OF_MORPH = 96;

const nameOf = ({ label, seed }, classes) => `${plain(classes[label])}, seed ${seed}`;

function one({ first }, { classes }) {
  const name = nameOf(first, classes);
  return { cells: [{ label: name, first, second: first, weight: 0 }], columns: 1, name, caption: name };
}

const wayOf = ({ first, second }, classes) => `from ${nameOf(first, classes)} to ${nameOf(second, classes)}`;

function position(chosen, { classes }) {
  const { first, second, weight } = chosen;
  const label = wayOf(chosen, classes);
  const name = `${label}, ${Math.round(100 * weight)} percent`;
  return { cells: [{ label, first, second, weight }], columns: 1, name, caption: name };
}

/** All classes, a column each with its name above, or in rows of six at most where they are more; or seeds of one class. */
function grid({ grid: { label, seed, rows } }, { classes }) {
  const all = label === null;
  const columned = all && classes.length <= MOST_COLUMNS;
  const columns = all ? columnsOf(classes) : COLUMNS_OF_ONE_CLASS;
  const width = all ? classes.length : 1; // videos of one seed
  const alone = rows * columns <= width; // one seed is all there is
  const cells = Array.from({ length: rows * columns }, (_, index) => {
    const video = { label: label ?? index % width, seed: seed + BigInt(Math.floor(index / width)) };
    const name = nameOf(video, classes);
    const caption = columned || !all ? `seed ${video.seed}` : alone ? plain(classes[video.label]) : name;
    return { label: name, caption, first: video, second: video, weight: 0 };
  });
  const one = all ? '' : plain(classes[label]);
  const wrapped = all ? `Class after class, from seed ${seed} on.` : `Class: ${one}.`;
  const arranged = columned ? 'A column for each class, a row for each seed.' : wrapped;
  return {
    cells,
    columns,
    headings: columned ? classes.map(plain) : [],
    name: `${one || 'all classes'} from seed ${seed}`,
    caption: `${arranged} Choose a video to see it larger.`,
  };
}

export const VIEWS = { one, morph: position, grid };

/** The positions of a morph, for which a clip each is needed. */
export function stepsOf({ first, second }) {
  return Array.from({ length: POSITIONS + 1 }, (_, index) => ({ first, second, weight: index / POSITIONS }));
}

/**
 * One film of a morph: the video goes on while it changes from the first to the second and back.
 * @param {ImageData[][]} clips one a position.
 * @returns {{frames: ImageData[], positions: number[]}} the positions are weights, one a frame.
 */
export function morphFilm(clips) {
  const rounds = Math.max(1, Math.round(FRAMES_OF_MORPH / clips[0].length));
  const total = rounds * clips[0].length;
  const steps = Array.from({ length: total }, (_, n) => Math.round(POSITIONS * (1 - Math.abs(1 - (2 * n) / total))));
  const frames = steps.map((step, n) => clips[step][n % clips[step].length]);
  return { frames, positions: steps.map((step) => step / POSITIONS) };
}
