'use strict';
// Draws the report out of the data in the page. Values are only ever set as text.

const data = JSON.parse(document.getElementById('data').textContent);
const several = data.runs.length > 1;
const HUES = ['#1f77b4', '#d1495b', '#2a9d63', '#b8860b', '#8858b8', '#0e8a92', '#c2569c', '#6b7280'];
const LOGARITHMIC = new Set(['gradient_norm', 'time']);
const GROUP_TITLES = {
  loss: 'Losses', logits: 'Logits of the discriminators', sigma: 'Largest and smallest sigma', gradient_norm: 'Gradient norms',
  time: 'Time', health: 'Health',
};

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function section(title) {
  const id = title.toLowerCase().replace(/\W+/g, '-');
  document.getElementById('contents').append(element('li', {}, element('a', { href: `#${id}`, textContent: title })));
  const made = element('section', { id }, element('h2', { textContent: title }));
  document.getElementById('main').append(made);
  return made;
}

function number(value) {
  return typeof value === 'number' ? String(Number(value.toPrecision(4))) : '–';
}

function table(head, rows) {
  const cell = (value) => element('td', { textContent: value, className: /^[-–\d.e+ ]+$/.test(value) ? 'number' : '' });
  const made = element('table', {},
    element('thead', {}, element('tr', {}, ...head.map((text) => element('th', { scope: 'col', textContent: text })))),
    element('tbody', {}, ...rows.map((row) => element('tr', {}, ...row.map((value) => cell(String(value)))))));
  return element('div', { className: 'scroll', tabIndex: 0, role: 'region', ariaLabel: head.join(', ') }, made);
}

function figure(item, words) {
  return element('figure', {}, element('img', { src: item.uri, alt: words }), element('figcaption', { textContent: words }));
}

function overview() {
  document.getElementById('heading').textContent = data.runs.map((run) => run.name).join(' · ');
  document.getElementById('lead').textContent = several
    ? `${data.runs.length} runs of DVD-GAN beside each other.` : `A run of DVD-GAN, up to step ${data.runs[0].step}.`;
  const made = section('What was trained');
  const macros = ['RESOLUTION', 'NUM_FRAMES', 'CHANNEL_MULTIPLIER', 'GLOBAL_BATCH', 'TRAIN_STEPS', 'PRECISION', 'DATA_DIR'];
  const classes = (run) => run.classes.slice(0, 12).join(', ') + (run.num_classes > 12 ? `, … (${run.num_classes})` : '');
  const rows = [['step', ...data.runs.map((run) => run.step)], ['classes', ...data.runs.map((run) => classes(run) || '–')],
    ...macros.map((name) => [name.toLowerCase().replace(/_/g, ' '), ...data.runs.map((run) => run.bindings[name] ?? '–')])];
  made.append(table(['run', ...data.runs.map((run) => run.name)], rows));
  const warnings = [...data.runs.flatMap((run) => run.warnings), ...data.left_out.map((name) => `left out for its size: ${name}`)];
  if (warnings.length) {
    made.append(element('ul', { className: 'warnings' }, ...warnings.map((text) => element('li', { textContent: text }))));
  }
}

function previews() {
  const steps = [...new Set(data.items.filter((item) => item.kind === 'preview').map((item) => item.step))].sort((a, b) => a - b);
  if (!steps.length) return;
  const made = section('Over training');
  const label = element('output', { textContent: `step ${steps.at(-1)}` });
  const slider = element('input', { type: 'range', min: 0, max: steps.length - 1, value: steps.length - 1, id: 'step' });
  const frames = element('div', { className: 'runs' });
  const shown = data.runs.map((run) => {
    const mine = data.items.filter((item) => item.run === run.name && item.kind === 'preview');
    const picture = element('img', { alt: '' });
    const caption = element('figcaption');
    frames.append(element('figure', {}, picture, caption));
    return { run, mine, picture, caption };
  });
  const real = data.items.filter((item) => item.kind === 'real');
  real.forEach((item) => frames.append(figure(item, several ? `Real clips, ${item.run}` : 'Real clips')));
  function show() {
    const step = steps[slider.value];
    label.textContent = `step ${step}`;
    slider.setAttribute('aria-valuetext', `step ${step}`);
    for (const { run, mine, picture, caption } of shown) {
      const item = mine.filter((each) => each.step <= step).at(-1);
      picture.hidden = !item;
      if (item) picture.src = item.uri;
      caption.textContent = item ? `${several ? `${run.name}: g` : 'G'}enerated at step ${item.step}` : `${run.name}: none yet`;
      picture.alt = caption.textContent;
    }
  }
  slider.addEventListener('input', show);
  made.append(element('div', { className: 'slider' }, element('label', { htmlFor: 'step', textContent: 'Step' }), slider, label), frames);
  show();
}

function pictures() {
  const made = data.items.filter((item) => item.kind === 'picture');
  for (const title of new Set(made.map((item) => item.title))) {
    const wide = made.some((item) => item.title === title && item.uri.startsWith('data:image/png'));
    const frames = element('div', { className: wide ? 'runs wide' : 'runs' });
    for (const item of made.filter((each) => each.title === title)) {
      frames.append(figure(item, several ? `${item.run}: ${item.caption}` : item.caption));
    }
    section(title).append(frames);
  }
}

function scores() {
  const rows = data.runs.flatMap((run) => run.results.flatMap((result) => Object.entries(result.scores ?? {}).map(
    ([name, score]) => [run.name, result.model?.step ?? '–', result.protocol, name, number(score.value), number(score.spread),
      number(score.floor?.value), number(score.paper), result.fake_clips ?? '–', result.truncation ?? '–'])));
  if (!rows.length) return;
  const head = ['run', 'step', 'protocol', 'score', 'value', 'spread', 'real against real', 'paper', 'clips', 'truncation'];
  section('Scores').append(table(head, rows));
  const notes = new Set(data.runs.flatMap((run) => run.results.flatMap((result) => result.warnings ?? [])));
  if (notes.size) {
    document.getElementById('scores').append(element('ul', {}, ...[...notes].map((text) => element('li', { textContent: text }))));
  }
}

function chart(title, names, group) {
  const series = data.runs.flatMap((run) => names.filter((name) => run.series[name]).map((name) => ({ run, name })));
  const tables = series.map(({ run, name }) => run.series[name]);
  const joined = uPlot.join(tables);
  const style = getComputedStyle(document.documentElement);
  const axis = { stroke: style.getPropertyValue('--text'), grid: { stroke: style.getPropertyValue('--line'), width: 1 } };
  const box = element('div', { className: 'chart' }, element('h3', { textContent: title }));
  const last = series.map(({ run, name }) => `${name} ${number(run.series[name][1].at(-1))}`);
  const options = {
    width: 400, height: 240, scales: { x: { time: false }, y: { distr: LOGARITHMIC.has(group) ? 3 : 1 } },
    axes: [{ ...axis }, { ...axis, size: 60 }],
    series: [{ label: 'step' }, ...series.map(({ run, name }, index) => ({
      label: `${several ? `${run.name} ` : ''}${name.split('/').slice(1).join('/')}`,
      stroke: HUES[index % HUES.length], width: 1.5, spanGaps: true, points: { show: joined[0].length < 30 },
      value: (_, value) => number(value),
    }))],
  };
  const plot = new uPlot(options, joined, box);
  plot.root.setAttribute('role', 'img');
  plot.root.setAttribute('aria-label', `${title} over steps; last: ${last.join(', ')}`);
  return { box, plot };
}

function curves() {
  const names = [...new Set(data.runs.flatMap((run) => Object.keys(run.series)))];
  const groups = [...new Set(names.map((name) => name.split('/')[0]))];
  if (!groups.length) return;
  const order = ['loss', 'logits', 'gradient_norm', 'sigma', 'time'];
  groups.sort((a, b) => order.indexOf(a) - order.indexOf(b));
  const charts = element('div', { className: 'charts' });
  section('Curves').append(charts);
  const made = groups.map((group) => {
    const drawn = chart(GROUP_TITLES[group] ?? group, names.filter((name) => name.startsWith(`${group}/`)), group);
    charts.append(drawn.box);
    return drawn;
  });
  const fit = () => made.forEach(({ box, plot }) => plot.setSize({ width: box.clientWidth - 16, height: 240 }));
  new ResizeObserver(fit).observe(charts);
}

function configuration() {
  if (several) {
    const rows = Object.entries(data.differences).map(([name, values]) => [name, ...values]);
    section('What differs').append(rows.length
      ? table(['binding', ...data.runs.map((run) => run.name)], rows) : element('p', { textContent: 'No binding differs.' }));
  }
  const made = section('Configuration');
  for (const run of data.runs) {
    const text = Object.entries(run.bindings).map(([name, value]) => `${name} = ${value}`).join('\n');
    made.append(element('details', {}, element('summary', { textContent: run.name }), element('pre', { textContent: text, tabIndex: 0 })));
  }
}

overview();
scores();
previews();
pictures();
curves();
configuration();
document.getElementById('foot').textContent = `Made by dvdgan_tf ${data.version}. Curves are drawn by uPlot (MIT).`;
