/**
 * The fields of the page: choices read from them and written to them.
 */
import { parseSeed } from './address.js';

const LARGEST_RANDOM_SEED = 1_000_000;

export const element = (id) => document.getElementById(id);

export const plain = (name) => name.replaceAll('_', ' ');

/** The seed in a text field, null where it is none; the field says so itself. */
function seedOf(field) {
  const seed = parseSeed(field.value.trim());
  field.setCustomValidity(seed === null ? 'A seed is a whole number of at most 64 bits.' : '');
  return seed;
}

export function anotherSeed(field) {
  field.value = Math.floor(Math.random() * LARGEST_RANDOM_SEED);
}

const viewOf = () => document.querySelector('input[name="view"]:checked').value;
const labelOf = (id) => (element(id).value === '' ? null : Number(element(id).value));

/** The choices as address.js describes them, or null while a seed that the view needs is none. */
export function readChoices() {
  const view = viewOf();
  const [seed, toSeed, gridSeed] = ['seed', 'to-seed', 'grid-seed'].map((id) => seedOf(element(id)));
  const needed = { one: [seed], morph: [seed, toSeed], grid: [gridSeed] }[view];
  if (needed.includes(null)) {
    return null;
  }
  return {
    view,
    first: { label: labelOf('class'), seed },
    second: { label: labelOf('to-class'), seed: toSeed },
    weight: Number(element('weight').value),
    grid: { label: labelOf('grid-class'), seed: gridSeed, rows: Number(element('rows').value) },
    truncation: Number(element('truncation').value),
  };
}

/** Puts choices into the fields. */
export function writeChoices({ view, first, second, weight, grid, truncation }) {
  document.querySelector(`input[name="view"][value="${view}"]`).checked = true;
  const values = {
    class: first.label,
    seed: first.seed,
    'to-class': second.label,
    'to-seed': second.seed,
    weight,
    'grid-class': grid.label ?? '',
    'grid-seed': grid.seed,
    rows: grid.rows,
    truncation,
  };
  for (const [id, value] of Object.entries(values)) {
    element(id).value = value;
  }
}

/** Shows the fields of the chosen view and the values of the sliders. */
export function showChoices() {
  const view = viewOf();
  for (const part of document.querySelectorAll('[data-views]')) {
    // Disabled as well: a field that cannot be seen must not be found wrong.
    part.hidden = part.disabled = !part.dataset.views.split(' ').includes(view);
  }
  element('first-legend').textContent = view === 'morph' ? 'From' : 'Video';
  element('weight-shown').textContent = `${Math.round(100 * element('weight').value)} %`;
  element('truncation-shown').textContent = Number(element('truncation').value).toFixed(2);
  element('rows-shown').textContent = element('rows').value;
}

/** Offers the classes of the model. */
export function offerClasses(names) {
  const options = () => names.map((name, label) => new Option(plain(name), label));
  element('class').replaceChildren(...options());
  element('to-class').replaceChildren(...options());
  element('grid-class').replaceChildren(...(names.length > 1 ? [new Option('all', '')] : []), ...options());
}
