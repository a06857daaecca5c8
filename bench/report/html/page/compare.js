// @ts-check
// Two cells on the same victims: both reconstructions beside the truth, and the paired difference of every figure.

/**
 * @param {any} body
 * @param {string} identity
 * @param {string} other
 */
function fillComparison(body, identity, other) {
  const sides = [identity, other].map((each) => ({ identity: each, detail: detailOf(each) }));
  body.replaceChildren(
    part('What came back', makeViewer(sides, () => {})),
    part('Paired differences', differences(sides)),
  );
}

/**
 * A small p-value is not printed as zero.
 * @param {number} p
 * @returns {string}
 */
const printedP = (p) => (p < 0.001 ? '< 0.001' : p.toFixed(3));

/**
 * @param {Side[]} sides
 * @returns {any}
 */
function differences(sides) {
  const names = [sideName(sides, 0), sideName(sides, 1)];
  /** @type {any[]} */
  const rows = [];
  let pairsOf = 0;
  for (const column of figureColumns(sides[0].identity)) {
    const logs = column.estimand === index.test.geometric;
    const found = comparePaired(sides[0].detail, sides[1].detail, column.key, logs);
    if (!found) continue;
    pairsOf = Math.max(pairsOf, found.n);
    const sign = logs ? '×' : '';
    const bounds = found.low === null ? 'no interval' : `${sign}${short(found.low)} to ${sign}${short(found.high)}`;
    rows.push(make('tr', { 'data-key': column.key, class: found.p < 0.05 ? 'apart' : '' },
      make('th', { scope: 'row' }, titleOf(column), make('span', { class: 'below', text: ESTIMANDS.has(column.estimand) ? column.estimand : '' })),
      make('td', { class: 'number', text: short(found.first) }),
      make('td', { class: 'number', text: short(found.second) }),
      make('td', { class: 'number' }, make('span', { class: 'figure', text: sign + short(found.mean) }), make('span', { class: 'below', text: bounds })),
      make('td', { class: 'number', text: printedP(found.p) }),
      make('td', { class: 'number', text: found.n })));
  }
  if (!rows.length) return make('p', { class: 'about', text: 'The two rows have no victim in common that has a figure in both.' });
  const heads = ['figure', ...names, 'difference', 'p', 'victims'];
  const head = make('tr', {}, ...heads.map((text, at) => make('th', { scope: 'col', class: at ? 'number' : '', text })));
  const words = `Each difference is ${names[0]} minus ${names[1]}, victim by victim, over the ${pairsOf} victims that both have; `
    + 'of a geometric mean it is their ratio. Below stands its 95 % interval. p is the two-sided p-value of the sign-flip '
    + 'permutation test: how often a difference at least as large comes up if neither row is better. It is not corrected for '
    + 'the number of comparisons. A line in bold has p below 0.05.';
  return make('div', {},
    make('div', { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Paired differences' },
      make('table', { class: 'rows paired' }, make('thead', {}, head), make('tbody', {}, ...rows))),
    make('p', { class: 'about', text: words }));
}
