// @ts-check
// The boards: one is shown at a time; DataTables sorts, searches and hides columns.

/**
 * @typedef {object} Board
 * @property {string} id
 * @property {any} section
 * @property {any} table the API of DataTables; null for a board of defences
 * @property {any[]} columns as in the index; empty for a board of defences
 * @property {string} of the board of the single cells, if this one has their means over seeds
 * @property {string} means the board of the means over seeds, if there is one
 * @property {string} drawn the part of the view that the table shows
 */

/** @type {Board[]} */
const boards = [];

/** A value that is missing stands last, whichever way a column is sorted. */
function startTypes() {
  DataTable.ext.errMode = 'throw';
  const order = (/** @type {number} */ sign) => (/** @type {any} */ a, /** @type {any} */ b) => {
    if (a === '' || b === '') return a === b ? 0 : a === '' ? 1 : -1;
    const [first, second] = [Number(a), Number(b)];
    return Number.isNaN(first) || Number.isNaN(second) ? sign * String(a).localeCompare(String(b)) : sign * (first - second);
  };
  DataTable.type('figure', 'order', { pre: null, asc: order(1), desc: order(-1) });
}

/**
 * @param {any} element the table
 * @param {any[]} columns
 * @returns {any}
 */
function startTable(element, columns) {
  return new DataTable(element, {
    paging: false,
    info: false,
    autoWidth: false,
    order: [],
    layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
    columnDefs: columns.map((column, target) => ({
      targets: target,
      type: column.number ? 'figure' : 'string',
      searchable: column.kind === 'label',
      visible: column.shown,
      orderSequence: column.direction === 'up' ? ['desc', 'asc', ''] : ['asc', 'desc', ''],
    })),
    language: { aria: { orderable: ': sort', orderableReverse: ': sort the other way', orderableRemove: ': leave unsorted' } },
  });
}

function startBoards() {
  startTypes();
  for (const section of all('section.board')) {
    const id = section.dataset.board;
    const board = index.boards.find((each) => each.id === id);
    /** @type {any} */
    let table = null;
    if (board) {
      table = startTable(one('table', section), board.columns);
      table.search.fixed('filters', (/** @type {any} */ _text, /** @type {any} */ _data, /** @type {number} */ place) =>
        passes(board.rows[place]));
      table.on('order', () => keepOrder(id, table, board.columns));
      table.on('draw', () => markGroups(table));
    } else {
      const other = one('table.defences', section);
      const heads = all('thead th', other);
      startTable(other, heads.map((head) => ({
        kind: 'label', shown: true, direction: '', number: head.classList.contains('number'),
      })));
    }
    section.addEventListener('click', openRow);
    boards.push({ id, section, table, columns: board ? board.columns : [], of: board?.of || '', means: board?.means || '', drawn: '' });
  }
  watchers.push(showBoard);
}

/** @param {any} event */
function openRow(event) {
  if (event.ctrlKey || event.metaKey || event.shiftKey || String(getSelection())) return;
  const identity = event.target.closest('[data-open]')?.dataset.open ?? event.target.closest('tr[data-cell]')?.dataset.cell;
  if (!identity || event.target.closest('a:not(.open)')) return;
  event.preventDefault();
  if (index.cells[identity].seeds) showSeeds(identity);
  else change({ row: identity, other: null, victim: null }, true);
}

/**
 * The single cells behind a mean over seeds.
 * @param {string} identity
 */
function showSeeds(identity) {
  const cell = index.cells[identity];
  /** @type {Record<string, string[]>} */
  const filters = {};
  for (const label of ['attack', 'data', 'model', 'defense', 'batch']) filters[label] = [String(cell[label])];
  change({ board: cell.of, filters, sort: null }, true);
}

/**
 * Whether the filters let a cell through.
 * @param {string} identity
 * @returns {boolean}
 */
function passes(identity) {
  const cell = index.cells[identity];
  const words = (/** @type {string} */ label) => label === 'seed' && cell.seeds ? cell.seeds : [String(cell[label])];
  return Object.entries(view.filters).every(([label, values]) =>
    !values.length || words(label).some((/** @type {string} */ word) => values.includes(word)));
}

// A page of label inference alone has no board.
const NO_BOARD = { id: '', section: null, table: null, columns: [], of: '', means: '', drawn: '' };

/** @returns {Board} */
const shownBoard = () => boards.find((board) => board.id === view.board) || boards[0] || NO_BOARD;

let settling = false; // while the page itself orders a table, the order is no wish of the reader

/**
 * @param {string} id
 * @param {any} table
 * @param {any[]} columns
 */
function keepOrder(id, table, columns) {
  if (settling || id !== shownBoard().id) return;
  // DataTables is still at work on this order.
  queueMicrotask(() => tellOrder(table, columns));
}

/**
 * @param {any} table
 * @param {any[]} columns
 */
function tellOrder(table, columns) {
  const [first] = table.order();
  const sort = first && first[1] ? { key: columns[first[0]].key, down: first[1] === 'desc' } : null;
  if (JSON.stringify(sort) !== JSON.stringify(view.sort)) change({ sort });
}

/**
 * A line above the first row of each data set, as long as the rows stand in the order of the report.
 * @param {any} table
 */
function markGroups(table) {
  const [sorted] = table.order();
  const rows = table.rows({ order: 'applied', search: 'applied' }).nodes().toArray();
  let before = null;
  for (const row of rows) {
    const { data } = index.cells[row.dataset.cell];
    row.classList.toggle('group', !(sorted && sorted[1]) && before !== null && data !== before);
    before = data;
  }
}

function showBoard() {
  const shown = shownBoard();
  for (const board of boards) board.section.hidden = board !== shown;
  for (const tab of all('.tabs a')) {
    if (tab.dataset.board === (shown.of || shown.id)) tab.setAttribute('aria-current', 'true');
    else tab.removeAttribute('aria-current');
  }
  if (!shown.table) return;
  // Drawing takes the rows out of the page for a moment, and with them the reader's place among them.
  const wanted = JSON.stringify([view.search, view.filters, view.columns, view.sort]);
  if (shown.drawn === wanted) return;
  shown.drawn = wanted;
  drawBoard(shown);
}

/** @param {Board} shown */
function drawBoard(shown) {
  const { table, columns } = shown;
  settling = true;
  columns.forEach((column, place) => {
    const wanted = view.columns[column.key] ?? column.shown;
    if (table.column(place).visible() !== wanted) table.column(place).visible(wanted, false);
  });
  const place = view.sort ? columns.findIndex((column) => column.key === view.sort?.key) : -1;
  const order = place < 0 ? [] : [[place, view.sort?.down ? 'desc' : 'asc']];
  const [now] = table.order();
  const same = order.length ? now && now[0] === order[0][0] && now[1] === order[0][1] : !(now && now[1]);
  if (!same) table.order(order);
  table.search(view.search).draw();
  settling = false;
  one('.nothing', shown.section).hidden = shownRows().length > 0;
}

/**
 * The identities of the rows that are shown, in their order.
 * @returns {string[]}
 */
function shownRows() {
  const { table } = shownBoard();
  return table ? table.rows({ order: 'applied', search: 'applied' }).nodes().toArray().map((/** @type {any} */ row) => row.dataset.cell) : [];
}

/** @returns {any[]} */
function shownColumns() {
  return shownBoard().columns.filter((column) => view.columns[column.key] ?? column.shown);
}
