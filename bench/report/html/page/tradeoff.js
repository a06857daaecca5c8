// @ts-check
// Leakage against utility: a point per defence and strength, which leads to the row of its worst attack.

const NAMESPACE = 'http://www.w3.org/2000/svg';
const SHAPES = ['circle', 'square', 'triangle', 'diamond', 'cross', 'plus'];

/**
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {...Node} children
 * @returns {any}
 */
function draw(tag, attributes, ...children) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * @param {string} shape
 * @param {number} x
 * @param {number} y
 * @returns {any}
 */
function mark(shape, x, y) {
  const r = 6;
  const paths = {
    square: `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
    triangle: `M${x} ${y - r - 1}L${x + r + 1} ${y + r}H${x - r - 1}z`,
    diamond: `M${x} ${y - r - 2}L${x + r + 2} ${y}L${x} ${y + r + 2}L${x - r - 2} ${y}z`,
    cross: `M${x - r} ${y - r}L${x + r} ${y + r}M${x + r} ${y - r}L${x - r} ${y + r}`,
    plus: `M${x - r - 1} ${y}H${x + r + 1}M${x} ${y - r - 1}V${y + r + 1}`,
  };
  return shape === 'circle' ? draw('circle', { cx: x, cy: y, r }) : draw('path', { d: paths[/** @type {'square'} */ (shape)] });
}

/**
 * A scale from values to places, with round ticks.
 * @param {number[]} values
 * @param {number} from
 * @param {number} to
 * @returns {{at: (value: number) => number, ticks: number[]}}
 */
function scale(values, from, to) {
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  [low, high] = [low - room, high + room];
  const raw = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= raw) || raw;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high; tick += step) ticks.push(Number(tick.toPrecision(6)));
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

function startTradeoffs() {
  for (const figure of all('figure[data-plot]')) {
    const plot = index.plots[figure.dataset.plot];
    let width = 0;
    new ResizeObserver(() => {
      if (figure.clientWidth && figure.clientWidth !== width) {
        width = figure.clientWidth;
        figure.replaceChildren(...tradeoff(plot, width));
      }
    }).observe(figure);
  }
}

/**
 * @param {any} plot as in the index
 * @param {number} width
 * @returns {any[]}
 */
function tradeoff(plot, width) {
  const height = Math.min(460, Math.max(300, width * 0.5));
  const [left, right, top, bottom] = [52, 16, 14, 24];
  const { points } = plot;
  const spread = (/** @type {string} */ key) => points.flatMap((/** @type {any} */ point) =>
    [point[key].mean, point[key].low ?? point[key].mean, point[key].high ?? point[key].mean]);
  const x = scale(spread('accuracy'), left, width - right);
  const y = scale(spread('leak'), height - bottom, top);
  const svg = draw('svg', { viewBox: `0 0 ${width} ${height}`, width, height, role: 'group', 'aria-label': `${plot.y}, against ${plot.x}` });
  for (const tick of x.ticks) {
    svg.append(draw('line', { class: 'grid', x1: x.at(tick), x2: x.at(tick), y1: top, y2: height - bottom }),
      written(x.at(tick), height - bottom + 16, String(tick), 'middle'));
  }
  for (const tick of y.ticks) {
    svg.append(draw('line', { class: 'grid', x1: left, x2: width - right, y1: y.at(tick), y2: y.at(tick) }),
      written(left - 6, y.at(tick) + 4, String(tick), 'end'));
  }
  svg.append(front(points, x, y));
  const families = [...new Set(points.map((/** @type {any} */ point) => point.family))];
  /** @type {{x: number, y: number, w: number}[]} */
  const taken = points.map((/** @type {any} */ point) => ({ x: x.at(point.accuracy.mean) - 8, y: y.at(point.leak.mean) + 6, w: 16 }));
  for (const point of points) {
    svg.append(pointOf(plot, point, families.indexOf(point.family), x, y));
    const name = nameBeside(point, x.at(point.accuracy.mean), y.at(point.leak.mean), taken, width - right);
    if (name) svg.append(name);
  }
  const words = 'Up and down: the leak under the worst attack; lower is safer. The dashed line is the front: no other defence '
    + 'keeps more accuracy and leaks less. Bars are 95 % intervals. A point opens the row of its worst attack.';
  const legend = make('p', { class: 'legend' }, ...families.map((family, at) => {
    const symbol = draw('svg', { class: `family f${at % 8}`, width: 18, height: 18, viewBox: '0 0 18 18', 'aria-hidden': true }, mark(SHAPES[at % SHAPES.length], 9, 9));
    return make('span', {}, symbol, String(family));
  }));
  return [make('p', { class: 'axis', text: `↑ ${plot.y}` }), svg, make('p', { class: 'axis right', text: `${plot.x} →` }), legend, make('figcaption', { class: 'about', text: words })];
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} anchor
 * @param {string} [kind]
 * @returns {any}
 */
function written(x, y, text, anchor, kind = 'tick') {
  const element = draw('text', { x, y, 'text-anchor': anchor, class: kind });
  element.textContent = text;
  return element;
}

/**
 * The front as stairs: between two points an attacker has the leak of the one with the lower accuracy.
 * @param {any[]} points
 * @param {any} x
 * @param {any} y
 * @returns {any}
 */
function front(points, x, y) {
  const best = points.filter((point) => point.front).sort((a, b) => b.accuracy.mean - a.accuracy.mean);
  const path = best.map((point, at) => {
    const place = `${x.at(point.accuracy.mean)} ${y.at(point.leak.mean)}`;
    return at ? `L${x.at(point.accuracy.mean)} ${y.at(best[at - 1].leak.mean)}L${place}` : `M${place}`;
  });
  return draw('path', { class: 'front', d: path.join('') || 'M0 0' });
}

/**
 * @param {any} plot
 * @param {any} point
 * @param {number} family its number
 * @param {any} x
 * @param {any} y
 * @returns {any}
 */
function pointOf(plot, point, family, x, y) {
  const [px, py] = [x.at(point.accuracy.mean), y.at(point.leak.mean)];
  const bounds = (/** @type {any} */ value, /** @type {number} */ places) => value.mean.toFixed(places)
    + (value.low === null ? '' : ` (${value.low.toFixed(places)} to ${value.high.toFixed(places)})`);
  const words = `${point.title}: accuracy ${bounds(point.accuracy, 3)}, leak ${bounds(point.leak, plot.places)} under ${point.attack}.`;
  const link = draw('a', { href: `#row=${point.cell}`, class: `family f${family % 8}`, 'aria-label': words, 'data-help': words });
  if (point.accuracy.low !== null) link.append(draw('line', { class: 'bar', x1: x.at(point.accuracy.low), x2: x.at(point.accuracy.high), y1: py, y2: py }));
  if (point.leak.low !== null) link.append(draw('line', { class: 'bar', x1: px, x2: px, y1: y.at(point.leak.low), y2: y.at(point.leak.high) }));
  link.append(draw('circle', { class: 'target', cx: px, cy: py, r: 14 }), mark(SHAPES[family % SHAPES.length], px, py));
  link.addEventListener('click', (/** @type {Event} */ event) => {
    event.preventDefault();
    event.stopPropagation();
    change({ row: point.cell, other: null, victim: null }, true);
  });
  return link;
}

/**
 * The name of a point, where no other name stands; null if there is no room, because the help of the point says it.
 * @param {any} point
 * @param {number} px
 * @param {number} py
 * @param {{x: number, y: number, w: number}[]} taken
 * @param {number} edge
 * @returns {any}
 */
function nameBeside(point, px, py, taken, edge) {
  const w = point.title.length * 6.2;
  for (const [dx, dy] of [[10, -9], [10, 19], [-10 - w, -9], [-10 - w, 19], [14, 4], [-14 - w, 4]]) {
    const place = { x: px + dx, y: py + dy, w };
    const free = place.x > 52 && place.x + w < edge && taken.every((other) =>
      Math.abs(other.y - place.y) >= 13 || place.x > other.x + other.w || place.x + w < other.x);
    if (!free) continue;
    taken.push(place);
    return written(place.x, place.y, point.title, 'start', 'name');
  }
  return null;
}
