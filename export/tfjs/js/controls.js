/**
 * What the visitor has chosen.
 */

const LARGEST_RANDOM_SEED = 1_000_000;

export const element = (id) => document.getElementById(id);

/** The seed in a text field, null where it is none; the field says so itself. */
function seedOf(field) {
  const text = field.value.trim();
  const valid = /^-?\d+$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text);
  field.setCustomValidity(valid ? '' : 'A seed is a whole number of at most 64 bits.');
  return valid ? BigInt(text) : null;
}

export function anotherSeed(field) {
  field.value = Math.floor(Math.random() * LARGEST_RANDOM_SEED);
}

/** The choices, or null while a seed is none. */
export function choices() {
  const [seed, toSeed] = [seedOf(element('seed')), seedOf(element('to-seed'))];
  const view = document.querySelector('input[name="view"]:checked').value;
  const label = element('class').value === '' ? null : Number(element('class').value);
  if (seed === null || (view === 'morph' && toSeed === null)) {
    return null;
  }
  return {
    view,
    first: { label, seed },
    second: { label: Number(element('to-class').value), seed: toSeed },
    weight: element('weight').value / element('weight').max,
    truncation: Number(element('truncation').value),
    count: Number(element('count').value),
  };
}

/** Shows the fields of the chosen view and the values of the sliders. */
export function showChoices() {
  const view = document.querySelector('input[name="view"]:checked').value;
  for (const fieldset of document.querySelectorAll('[data-views]')) {
    // Disabled as well: a field that cannot be seen must not be found wrong.
    fieldset.hidden = fieldset.disabled = !fieldset.dataset.views.split(' ').includes(view);
  }
  element('first-legend').textContent = { one: 'Video', morph: 'From', grid: 'Videos' }[view];
  const every = element('class').querySelector('option[value=""]');
  every.hidden = every.disabled = view !== 'grid';
  if (view !== 'grid' && every.selected) {
    element('class').selectedIndex = 1;
  }
  element('weight-shown').textContent = `${Math.round((100 * element('weight').value) / element('weight').max)} %`;
  element('truncation-shown').textContent = Number(element('truncation').value).toFixed(2);
  element('count-shown').textContent = element('count').value;
}

/** Offers the classes of the model. */
export function offerClasses(names) {
  const options = () => names.map((name, label) => new Option(name.replaceAll('_', ' '), label));
  element('class').replaceChildren(new Option('every class', ''), ...options());
  element('class').selectedIndex = 1;
  element('to-class').replaceChildren(...options());
  element('to-class').selectedIndex = names.length - 1;
}

/** Chooses one video, as if the visitor had. */
export function chooseVideo({ label, seed }) {
  element('class').value = label;
  element('seed').value = seed;
  document.querySelector('input[name="view"][value="one"]').checked = true;
  element('class').focus();
}
