'use strict';
// Draws the report out of the data in the page. Values are only ever set as text.

const data = JSON.parse(document.getElementById('data').textContent);
const several = data.runs.length > 1;
const HUES = ['#1f77b4', '#d1495b', '#2a9d63', '#b8860b', '#8858b8', '#0e8a92', '#c2569c', '#6b7280'];
const LOGARITHMIC = new Set(['gradient_norm', 'time']);
const GROUP_TITLES = {
  loss: 'Losses', logits: 'Logits of the discriminators', sigma: 'Largest and smallest sigma', gradient_norm: 'Gradient norms',
  time: 'Time', health: 'Health', states: 'States of the ConvGRUs, last frame over first',
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
  const health = data.runs.flatMap((run) => run.health.map((text) => `${run.name}: ${text}`));
  const left = data.left_out.map((name) => `left out for its size: ${name}`);
  const warnings = [...health, ...data.runs.flatMap((run) => run.warnings), ...left];
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
  const charts = sweeps();
  for (const title of new Set([...made.map((item) => item.title), ...(charts.length ? ['Truncation'] : [])])) {
    const wide = made.some((item) => item.title === title && item.uri.startsWith('data:image/png'));
    const frames = element('div', { className: wide ? 'runs wide' : 'runs' });
    for (const item of made.filter((each) => each.title === title)) {
      frames.append(figure(item, several ? `${item.run}: ${item.caption}` : item.caption));
    }
    const part = section(title);
    part.append(frames);
    if (title === 'Truncation') drawn(part, charts);
  }
}

function scoreTable(found) {
  const rows = found.flatMap(({ run, result }) => Object.entries(result.scores).map(([name, score]) => [
    ...(several ? [run.name] : []), result.model?.step ?? '–', result.protocol, name, number(score.value),
    number(score.spread), number(score.floor?.value), number(score.paper), result.fake_clips ?? '–',
    result.truncation ?? '–']));
  const head = ['step', 'protocol', 'score', 'value', 'spread', 'real against real', 'paper', 'clips', 'truncation'];
  return table([...(several ? ['run'] : []), ...head], rows);
}

// The share of each class that a classifier recognised, of the newest result that has one.
function byClass() {
  const newest = data.runs.map((run) => run.results.filter((result) => result.classes).at(-1)?.classes);
  const names = [...new Set(newest.flatMap((classes) => Object.keys(classes ?? {})))];
  if (!names.length) return;
  const rows = names.slice(0, 100).map((name) => [name, ...newest.map((classes) => number(classes?.[name]))]);
  const head = ['recognised as asked for', ...data.runs.map((run) => run.name)];
  document.getElementById('scores').append(element('h3', { textContent: 'By class' }), table(head, rows));
}

// Scores of one step at three truncations or more, as curves over the truncation: a chart a score.
function sweeps() {
  const found = new Map();
  for (const run of data.runs) {
    for (const result of run.results.filter((each) => typeof each.truncation === 'number')) {
      for (const [name, score] of Object.entries(result.scores)) {
        const kind = result.standing_statistics ? ', standing statistics' : '';
        const label = `${several ? `${run.name}, ` : ''}step ${result.model?.step ?? '–'}${kind}`;
        const title = `${result.protocol}: ${name} over the truncation`;
        if (!found.has(title)) found.set(title, new Map());
        if (!found.get(title).has(label)) found.get(title).set(label, new Map());
        if (typeof score.value === 'number') found.get(title).get(label).set(result.truncation, score.value);
      }
    }
  }
  const charts = [];
  for (const [title, lines] of found) {
    const curves = [...lines].filter(([, points]) => points.size > 2).map(([label, points]) => {
      const sorted = [...points].sort((a, b) => a[0] - b[0]);
      return { label, points: [sorted.map((point) => point[0]), sorted.map((point) => point[1])] };
    });
    if (curves.length) charts.push(chart(title, curves, 'truncation'));
  }
  return charts;
}

function scores() {
  const found = data.runs.flatMap((run) => run.results.map((result) => ({ run, result })));
  const key = ({ run, result }) => [run.name, result.protocol, result.truncation, result.standing_statistics].join();
  const newest = new Map(found.map((each) => [key(each), each]));
  if (!found.length) return;
  const made = section('Scores');
  made.append(scoreTable([...newest.values()]));
  if (newest.size < found.length) {
    made.append(element('details', {}, element('summary', { textContent: 'Those of all steps' }), scoreTable(found)));
  }
  byClass();
  const notes = new Set(data.runs.flatMap((run) => run.results.flatMap((result) => result.warnings ?? [])));
  if (notes.size) {
    document.getElementById('scores').append(element('ul', {}, ...[...notes].map((text) => element('li', { textContent: text }))));
  }
}

// Curves are { label, points: [[x], [y]] }; charts are given their width by drawn().
function chart(title, curves, group) {
  const joined = uPlot.join(curves.map((curve) => curve.points));
  const style = getComputedStyle(document.documentElement);
  const axis = { stroke: style.getPropertyValue('--text'), grid: { stroke: style.getPropertyValue('--line'), width: 1 } };
  const box = element('div', { className: 'chart' }, element('h3', { textContent: title }));
  const last = curves.map(({ label, points }) => `${label} ${number(points[1].at(-1))}`);
  const over = group === 'truncation' ? 'truncation' : 'step';
  const options = {
    width: 400, height: 240, scales: { x: { time: false }, y: { distr: LOGARITHMIC.has(group) ? 3 : 1 } },
    axes: [{ ...axis }, { ...axis, size: 60 }],
    series: [{ label: over }, ...curves.map(({ label }, index) => ({
      label, stroke: HUES[index % HUES.length], width: 1.5, spanGaps: true, points: { show: joined[0].length < 30 },
      value: (_, value) => number(value),
    }))],
  };
  const plot = new uPlot(options, joined, box);
  plot.root.setAttribute('role', 'img');
  plot.root.setAttribute('aria-label', `${title} over ${over}s; last: ${last.join(', ')}`);
  return { box, plot };
}

function drawn(part, made) {
  const charts = element('div', { className: 'charts' }, ...made.map(({ box }) => box));
  part.append(charts);
  const fit = () => made.forEach(({ box, plot }) => plot.setSize({ width: box.clientWidth - 16, height: 240 }));
  new ResizeObserver(fit).observe(charts);
}

function curves() {
  const names = [...new Set(data.runs.flatMap((run) => Object.keys(run.series)))];
  const group = (name) => name.split('/')[0];
  // What training records is one chart a group; a score has one of its own, with what it is read against.
  const titled = (name) => (GROUP_TITLES[group(name)] ? group(name) : name.replace(/_(floor|ceiling)$/, ''));
  const titles = [...new Set(names.map(titled))];
  if (!titles.length) return;
  const order = ['loss', 'logits', 'gradient_norm', 'sigma', 'states', 'health', 'time'];
  titles.sort((a, b) => (order.indexOf(a) + 1 || 99) - (order.indexOf(b) + 1 || 99));
  drawn(section('Curves'), titles.map((title) => {
    const mine = names.filter((name) => titled(name) === title);
    const lines = data.runs.flatMap((run) => mine.filter((name) => run.series[name]).map((name) => ({
      label: `${several ? `${run.name} ` : ''}${name.split('/').slice(1).join('/')}`, points: run.series[name],
    })));
    return chart(GROUP_TITLES[title] ?? title, lines, title);
  }));
}

function surroundings() {
  const named = (versions) => Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ');
  const rows = data.runs.flatMap((run) => run.sessions.map(({ step, time, versions, hardware, strategy, replicas }) => [
    ...(several ? [run.name] : []), step, time, named(versions), `${hardware.processor}, ${hardware.cores} cores, ${hardware.memory_gb ?? '–'} GB`,
    hardware.gpus?.join(', ') || '–', `${strategy}, ${replicas} replica(s)`]));
  if (rows.length) {
    section('Versions and hardware').append(
      table([...(several ? ['run'] : []), 'from step', 'when', 'versions', 'processor', 'GPUs', 'strategy'], rows));
  }
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
surroundings();
configuration();
document.getElementById('foot').textContent = `Made by dvdgan_tf ${data.version}. Curves are drawn by uPlot (MIT).`;
