// @ts-check
// What a reader sees on opening a row.

/** @type {string} */
let drawn = '';

function startCells() {
  const dialog = one('#cell');
  dialog.addEventListener('close', () => {
    drawn = '';
    if (view.row) change({ row: null, other: null, victim: null }, true);
  });
  dialog.addEventListener('click', (/** @type {any} */ event) => {
    if (event.target === dialog) dialog.close();
  });
}

function showCell() {
  const dialog = one('#cell');
  if (!view.row) {
    if (dialog.open) dialog.close();
    return;
  }
  const wanted = `${view.row} ${view.other || ''}`;
  if (wanted === drawn) return;
  drawn = wanted;
  victims?.destroy(); // DataTables holds on to every table that it is not told to leave
  victims = null;
  const body = make('div', { class: 'sheet-body' });
  dialog.replaceChildren(sheetHead(view.row, view.other), body);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  if (view.other) fillComparison(body, view.row, view.other);
  else fillCell(body, view.row);
}

/**
 * @param {string} identity
 * @param {string | null} other
 * @returns {any}
 */
function sheetHead(identity, other) {
  const close = make('button', { type: 'button', class: 'close', text: 'Close', on: { click: () => one('#cell').close() } });
  const rows = shownRows();
  const place = rows.indexOf(identity);
  const step = (/** @type {number} */ by, /** @type {string} */ words) => {
    const next = place < 0 ? undefined : rows[place + by];
    const button = make('button', { type: 'button', text: words, disabled: !next });
    button.addEventListener('click', () => {
      change({ row: next, other: null });
      const buttons = all('.sheet-head button', one('#cell'));
      (buttons.find((each) => each.textContent === words && !each.disabled) || buttons.at(-1)).focus();
    });
    return button;
  };
  const alike = Object.keys(index.cells).filter((each) => each !== identity && !index.cells[each].empty
    && index.cells[each].same === index.cells[identity].same);
  const choice = make('select', { on: { change: () => change({ other: choice.value || null }, true) } },
    make('option', { value: '', text: alike.length ? 'nothing' : 'no other row has the same victims' }),
    ...alike.map((each) => make('option', { value: each, text: optionOf(each, identity) })));
  choice.value = other || '';
  choice.disabled = !alike.length || index.cells[identity].empty;
  return make('header', { class: 'sheet-head' },
    make('div', { class: 'line' }, make('h2', { id: 'cell-title', tabindex: -1, autofocus: true, text: nameOf(identity) + (other ? ` against ${index.cells[other].attack}` : '') }),
      other ? null : step(-1, 'Previous'), other ? null : step(1, 'Next'), close),
    make('p', { class: 'about', text: settingOf(identity) + (other && apartFrom(other, identity) ? `, against ${apartFrom(other, identity)}` : '') }),
    make('label', { class: 'compare' }, make('span', { text: 'Compare on the same victims with' }), choice));
}

/**
 * How a row is called in the list of those that another one can be compared with.
 * @param {string} identity
 * @param {string} other
 * @returns {string}
 */
function optionOf(identity, other) {
  const { attack, control } = index.cells[identity];
  const apart = apartFrom(identity, other);
  return attack + (control ? ' (control)' : '') + (apart ? `: ${apart}` : '');
}

/**
 * @param {string} title
 * @param {...(Node | null)} content
 * @returns {any}
 */
const part = (title, ...content) => make('section', { class: 'part' }, make('h3', { text: title }), ...content);

/**
 * The columns with figures of the first board that has a row for a cell.
 * @param {string} identity
 * @returns {any[]}
 */
function figureColumns(identity) {
  const board = index.boards.find((each) => each.rows.includes(identity));
  return board ? board.columns.filter((/** @type {any} */ column) => column.kind === 'figure') : [];
}

/**
 * @param {any} body
 * @param {string} identity
 */
function fillCell(body, identity) {
  const cell = index.cells[identity];
  const detail = detailOf(identity);
  const curve = detail.curves.length ? makeCurve(detail.curves) : null;
  const viewer = cell.empty ? null : makeViewer([{ identity, detail }], (victim, iteration) => curve?.mark(victim, iteration));
  const pieces = [
    cell.stopped ? make('p', { class: 'failure' }, make('strong', { text: 'This cell stopped: ' }), cell.stopped) : null,
    cell.empty ? null : figureStrip(identity),
    viewer ? part('What came back', viewer) : null,
    curve ? part('The objective of the attack', curve.element) : null,
    detail.endings.length ? part('How the victims ended', make('ul', {}, ...detail.endings.map((/** @type {string} */ text) => make('li', { text })))) : null,
    detail.values.victim.length ? part('Victim by victim', victimTable(identity, detail)) : null,
    Object.keys(detail.reasons).length ? part('Figures that are missing, or have no interval',
      pairs(Object.entries(detail.reasons))) : null,
    Object.keys(detail.about).length ? part('What was attacked, and how', pairs(Object.entries(detail.about))) : null,
    part('Run it again', ...again(detail)),
    part('Where the figures come from', pairs(Object.entries(detail.provenance))),
  ];
  body.replaceChildren(...pieces.filter(Boolean));
  curve?.start();
  startVictims(body);
}

/**
 * @param {[string, any][]} entries
 * @returns {any}
 */
const pairs = (entries) => make('dl', { class: 'facts' }, ...entries.flatMap(([key, value]) =>
  [make('dt', { text: key.replaceAll('_', ' ') }), make('dd', {}, linked(String(value)))]));

/**
 * The figures of a cell, large.
 * @param {string} identity
 * @returns {any}
 */
function figureStrip(identity) {
  const cell = index.cells[identity];
  const shown = figureColumns(identity).filter((column) => column.shown && cell.figures[column.key]?.text !== undefined);
  return make('dl', { class: 'strip' }, ...shown.map((column) => {
    const figure = cell.figures[column.key];
    return make('div', {}, make('dt', { text: titleOf(column) }),
      make('dd', {}, make('span', { class: 'figure', text: figure.text + figure.marks }),
        make('span', { class: 'below', text: figure.interval || '' })));
  }));
}

/**
 * @param {string} identity
 * @param {any} detail
 * @returns {any}
 */
function victimTable(identity, detail) {
  const columns = figureColumns(identity).filter((column) => detail.values.columns[column.key]);
  const { victim, ended } = detail.values;
  const head = make('tr', {}, make('th', { scope: 'col', class: 'number', text: 'victim' }), make('th', { scope: 'col', text: 'ended' }),
    ...columns.map((column) => make('th', { scope: 'col', class: 'number', text: titleOf(column) })));
  const rows = victim.map((/** @type {number} */ id, /** @type {number} */ at) => make('tr', {},
    make('th', { scope: 'row', class: 'number', text: id, 'data-order': id }), make('td', { class: 'ended', text: ended[at] }),
    ...columns.map((column) => {
      const value = detail.values.columns[column.key][at];
      const text = value !== null && Number.isInteger(value) && value < 1e6 ? value.toLocaleString('en') : short(value);
      return make('td', { class: 'number', text, 'data-order': value ?? '' });
    })));
  const table = make('table', { class: 'rows victims' }, make('thead', {}, head), make('tbody', {}, ...rows));
  const words = make('p', { class: 'about', text: 'Of a batch with several examples, a value is the mean over the batch.' });
  return make('div', {}, make('div', { class: 'scroll', role: 'region', tabindex: 0, 'aria-label': 'Victim by victim' }, table), words);
}

/** @type {any} the table of the victims of the row that is open */
let victims = null;

/** @param {any} body */
function startVictims(body) {
  const table = one('table.victims', body);
  if (!table) return;
  const count = all('tbody tr', table).length;
  const numbers = all('thead th', table).map((head) => head.classList.contains('number'));
  victims = new DataTable(table, {
    paging: count > 100,
    pageLength: 50,
    info: false,
    autoWidth: false,
    order: [],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: count > 100 ? 'paging' : null },
    columnDefs: numbers.map((number, target) => ({ targets: target, type: number ? 'figure' : 'string' })),
    language: { aria: { orderable: ': sort', orderableReverse: ': sort the other way', orderableRemove: ': leave unsorted' } },
  });
}

/**
 * The command that computes a cell again, and its config.
 * @param {any} detail
 * @returns {any[]}
 */
function again(detail) {
  const button = (/** @type {string} */ text, /** @type {string} */ what) => {
    const made = make('button', { type: 'button', text: 'Copy', 'aria-label': `Copy the ${what}` });
    made.addEventListener('click', () => copy(text, made));
    return made;
  };
  const command = detail.command
    ? make('div', { class: 'command' }, make('code', { text: detail.command }), button(detail.command, 'command'))
    : make('p', { class: 'about', text: 'The stored config does not say which options it was made of, or one of them is not a part of leakbench.' });
  const config = make('details', { class: 'notes' }, make('summary', { text: 'The whole config' }),
    button(detail.config, 'config'), make('pre', { text: detail.config, tabindex: 0 }));
  return [command, config];
}
