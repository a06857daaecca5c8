// @ts-check
// The attacker's objective over the iterations, one line per victim whose trace is stored.

/**
 * @param {string} name of a colour in the style sheet
 * @returns {string}
 */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @param {number | null} tick null: one without a number
 * @returns {string}
 */
function printedTick(tick) {
  if (tick === null) return '';
  const size = Math.abs(tick);
  return tick === 0 || (size >= 1e-3 && size < 1e5) ? String(Number(tick.toPrecision(3))) : tick.toExponential(0);
}

/**
 * Of a logarithmic axis, the powers of ten; lines at all of its ticks would run together.
 * @param {any} _plot
 * @param {number[]} ticks
 * @returns {(number | null)[]}
 */
const decades = (_plot, ticks) => ticks.map((tick) => (tick > 0 && Math.abs(Math.log10(tick) % 1) < 1e-9 ? tick : null));

const HEIGHT = 240; // of the plot, in pixels

/**
 * @param {any[]} curves as in `detailOf`
 * @returns {{element: any, mark: (victim: number, iteration: number | null) => void, start: () => void}}
 */
function makeCurve(curves) {
  const frame = make('div', { class: 'curve', role: 'img' });
  const words = make('p', { class: 'about' });
  const element = make('div', {}, frame, words);
  let victim = curves[0].victim;
  /** @type {number | null} */
  let iteration = null;
  /** @type {any} */
  let plot = null;

  function describe() {
    const own = curves.find((curve) => curve.victim === victim);
    if (!own) {
      words.textContent = `No objective of victim ${victim} is stored.`;
    } else {
      const last = own.at.length - 1;
      words.textContent = `The objective that the attack minimises, on victim ${victim} (thick line): ${short(own.values[0])} at `
        + `iteration ${own.at[0].toLocaleString('en')}, ${short(own.values[last])} at iteration ${own.at[last].toLocaleString('en')}. `
        + (curves.length > 1 ? 'Faint lines are the other victims. ' : '') + 'The upright line is the iteration of the slider.';
    }
    frame.setAttribute('aria-label', words.textContent || '');
  }

  function build() {
    plot?.destroy();
    const rows = curves.map((curve) => [curve.at, curve.values]);
    const data = rows.length > 1 ? uPlot.join(rows) : rows[0];
    const positive = curves.every((curve) => curve.values.every((/** @type {number} */ value) => value > 0));
    const ink = colour('--muted');
    const axis = { stroke: ink, grid: { stroke: colour('--line'), width: 1 }, ticks: { stroke: colour('--line'), width: 1 }, font: '12px system-ui' };
    const upright = positive ? { grid: { ...axis.grid, filter: decades }, ticks: { ...axis.ticks, filter: decades } } : {};
    const series = curves.map((curve) => ({
      stroke: curve.victim === victim ? colour('--ink') : colour('--faint'),
      width: curve.victim === victim ? 2 : 1,
      spanGaps: true,
      points: { show: false },
    }));
    plot = new uPlot({
      width: frame.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { distr: positive ? 3 : 1 } },
      axes: [{ ...axis, label: 'iteration', labelFont: '12px system-ui', labelSize: 20 },
        { ...axis, ...upright, size: 70, values: (/** @type {any} */ _plot, /** @type {number[]} */ ticks) => ticks.map(printedTick) }],
      series: [{}, ...series],
      hooks: { draw: [drawMark] },
    }, data, frame);
  }

  /** @param {any} drawn */
  function drawMark(drawn) {
    if (iteration === null) return;
    const x = Math.round(drawn.valToPos(iteration, 'x', true));
    const { left, top, width, height } = drawn.bbox;
    if (x < left || x > left + width) return;
    drawn.ctx.save();
    drawn.ctx.fillStyle = colour('--leak');
    drawn.ctx.fillRect(x, top, Math.max(1, devicePixelRatio), height);
    drawn.ctx.restore();
  }

  return {
    element,
    mark(shown, at) {
      iteration = at ?? curves.find((curve) => curve.victim === shown)?.at.at(-1) ?? null;
      const same = shown === victim;
      victim = shown;
      describe();
      if (!plot) return;
      if (same) plot.redraw(false);
      else build();
    },
    start() {
      describe();
      build();
      new ResizeObserver(() => plot.setSize({ width: frame.clientWidth || 300, height: HEIGHT })).observe(frame);
    },
  };
}
