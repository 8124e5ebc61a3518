/**
 * What is chosen, as the part of the page's address after #: `#class=bend&seed=3&truncation=0.7`.
 */

export const POSITIONS = 16; // of the way between two videos
export const MOST_ROWS = 6;
export const MOST_COLUMNS = 6;
const OPENING_ROWS = 3; // of seeds, where a column is a class

const VIEWS = ['one', 'morph', 'grid'];
const SEED = /^-?\d{1,19}$/;

/** The seed that a text says, null where it is none. */
export function parseSeed(text) {
  const valid = SEED.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
  return valid ? BigInt(text) : null;
}

/** The columns of a grid of all classes: one a class, or as few rows of at most six as hold them all. */
export function columnsOf(classes) {
  return Math.ceil(classes.length / Math.ceil(classes.length / MOST_COLUMNS));
}

/**
 * What is chosen where nothing was chosen yet: a grid of all classes at a truncation that shows a model well.
 * @returns {{view: string, first: {label: number, seed: bigint}, second: {label: number, seed: bigint}, weight: number,
 *   grid: {label: number | null, seed: bigint, rows: number}, truncation: number}} a grid without label has all classes.
 */
export function defaults(classes) {
  const rows = Math.ceil(classes.length / columnsOf(classes));
  return {
    view: 'grid',
    first: { label: 0, seed: 0n },
    second: { label: classes.length - 1, seed: 1n },
    weight: 0,
    grid: { label: classes.length > 1 ? null : 0, seed: 0n, rows: rows > 1 ? Math.min(rows, MOST_ROWS) : OPENING_ROWS },
    truncation: 0.7,
  };
}

/** The address of choices; what the view does not use is left out. */
export function toHash({ view, first, second, weight, grid, truncation }, classes) {
  const parts = new URLSearchParams(view === 'one' ? {} : { view });
  if (view === 'grid') {
    if (grid.label !== null) {
      parts.append('class', classes[grid.label]);
    }
    parts.append('seed', grid.seed);
    parts.append('rows', grid.rows);
  } else {
    parts.append('class', classes[first.label]);
    parts.append('seed', first.seed);
  }
  if (view === 'morph') {
    parts.append('to_class', classes[second.label]);
    parts.append('to_seed', second.seed);
    parts.append('position', weight);
  }
  parts.append('truncation', truncation);
  return `#${parts}`;
}

/** A part of an address; what it cannot be is noted and replaced by the default. */
class Reader {
  constructor(hash, classes) {
    this.parts = new URLSearchParams(hash.replace(/^#/, ''));
    this.classes = classes;
    this.problems = [];
  }

  read(name, parse, otherwise, expected) {
    const text = this.parts.get(name);
    if (text === null) {
      return otherwise;
    }
    const value = parse(text.trim());
    if (value === null) {
      this.problems.push(`${name} "${text}" is not ${expected}`);
      return otherwise;
    }
    return value;
  }

  number(name, otherwise, [least, most], step) {
    const parse = (text) => {
      const value = Math.round(Number(text) / step) * step;
      return text !== '' && value >= least && value <= most ? Number(value.toFixed(4)) : null;
    };
    return this.read(name, parse, otherwise, `a number from ${least} to ${most}`);
  }

  video(prefix, otherwise) {
    const find = (text) => (this.classes.includes(text) ? this.classes.indexOf(text) : null);
    return {
      label: this.read(`${prefix}class`, find, otherwise.label, 'a class of this model'),
      seed: this.read(`${prefix}seed`, parseSeed, otherwise.seed, 'a whole number of at most 64 bits'),
    };
  }
}

/** The choices of an address, and what in it was wrong, in words. */
export function fromHash(hash, classes) {
  const state = defaults(classes);
  const reader = new Reader(hash, classes);
  const otherwise = [...reader.parts.keys()].length ? 'one' : state.view;
  state.view = reader.read('view', (text) => (VIEWS.includes(text) ? text : null), otherwise, `one of ${VIEWS.join(', ')}`);
  if (state.view === 'grid') {
    state.grid = { ...reader.video('', state.grid), rows: reader.number('rows', state.grid.rows, [1, MOST_ROWS], 1) };
  } else {
    state.first = reader.video('', state.first);
    state.second = reader.video('to_', state.second);
    state.weight = reader.number('position', 0, [0, 1], 1 / POSITIONS);
  }
  state.truncation = reader.number('truncation', state.truncation, [0, 1], 0.01);
  return { state, problems: reader.problems };
}
