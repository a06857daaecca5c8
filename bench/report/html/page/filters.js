// @ts-check
// The bar above the boards: search, filters, columns, what a reader takes away.

/** @type {Record<string, string>} */
const FILTER_WORDS = { attack: 'Attack', data: 'Data', model: 'Model', defense: 'Defence', threat: 'Threat model',
  batch: 'Batch size', seed: 'Seed', division: 'Division', origin: 'Origin', leakbench: 'Version' };

/** @type {Record<string, string>} */
const UNSAID = { null: 'unknown', '': 'computed here' }; // what a filter calls a label without a word

/**
 * A button that opens a small panel below it. It closes on Escape and when the reader goes elsewhere.
 * @param {string} words
 * @param {...Node} content
 * @returns {any}
 */
function menu(words, ...content) {
  const summary = make('summary', { text: words });
  const element = make('details', { class: 'menu' }, summary, make('div', { class: 'panel' }, ...content));
  element.addEventListener('keydown', (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== 'Escape' || !element.open) return;
    element.open = false;
    summary.focus();
    event.stopPropagation();
  });
  element.addEventListener('toggle', () => {
    if (!element.open) return;
    all('details.menu[open]').forEach((other) => other !== element && (other.open = false));
    // The panel stays in the window and scrolls, because what lies beyond an edge cannot be reached.
    const place = summary.getBoundingClientRect();
    element.classList.toggle('ends', place.left + place.right > innerWidth);
    element.style.setProperty('--room', `${Math.max(160, innerHeight - place.bottom - 12)}px`);
  });
  return element;
}

/**
 * @param {string} words
 * @param {boolean} checked
 * @param {(on: boolean) => void} changed
 * @returns {any}
 */
function checkbox(words, checked, changed) {
  const box = make('input', { type: 'checkbox', on: { change: () => changed(box.checked) } });
  box.checked = checked;
  return make('label', { class: 'check' }, box, make('span', { text: words }));
}

function startBar() {
  const bar = one('#bar');
  const search = make('input', { type: 'search', placeholder: 'Search names', 'aria-label': 'Search the names of this board',
    on: { input: () => change({ search: search.value }) } });
  search.value = view.search;
  const filters = FILTERED.map(filterMenu).filter(Boolean);
  const columns = menu('Columns');
  const away = menu('Copy or download', ...Object.keys(FORMATS).map(formatRow));
  const clear = make('button', { type: 'button', class: 'quiet', text: 'Clear', on: { click: () => {
    change({ search: '', filters: {}, sort: null, columns: {} });
    search.focus();
  } } });
  const means = checkbox('Means over seeds', false, () => {
    const board = shownBoard();
    change({ board: board.of || board.means, sort: null }, true);
  });
  const count = make('p', { class: 'shown', 'aria-live': 'polite' });
  const narrow = make('details', { class: 'narrow', open: innerWidth > 640 }, make('summary', { text: 'Search and filter' }),
    make('div', { class: 'controls' }, search, ...filters.map((each) => each?.element), means, clear, make('span', { class: 'space' }), columns, away));
  bar.append(narrow, count);
  document.addEventListener('click', (event) => {
    for (const each of all('details.menu[open]')) if (!each.contains(/** @type {Node} */ (event.target))) each.open = false;
  });
  const show = () => {
    const { table } = shownBoard();
    bar.hidden = !table;
    if (!table) return;
    if (search.value !== view.search) search.value = view.search;
    filters.forEach((each) => each?.show());
    const { of, means: other } = shownBoard();
    means.hidden = !of && !other;
    one('input', means).checked = Boolean(of);
    fillColumns(columns);
    const [shown, there] = [shownRows().length, table.rows().count()];
    count.textContent = shown === there ? `${there} rows` : `${shown} of ${there} rows`;
    const touched = view.search || view.sort || Object.values(view.filters).some((values) => values.length);
    clear.disabled = !touched && !Object.keys(view.columns).length;
  };
  watchers.push(show);
}

/**
 * The menu of a label; null if all cells have the same value.
 * @param {string} label
 * @returns {{element: any, show: () => void} | null}
 */
function filterMenu(label) {
  const cells = Object.values(index.cells).filter((cell) => !cell.seeds);
  const values = [...new Set(cells.map((cell) => String(cell[label])))]
    .sort((one_, other) => one_.localeCompare(other, 'en', { numeric: true }));
  if (values.length < 2) return null;
  const boxes = values.map((value) => checkbox(UNSAID[value] ?? value, false, (on) => {
    const kept = (view.filters[label] || []).filter((each) => each !== value);
    change({ filters: { ...view.filters, [label]: on ? [...kept, value] : kept } });
  }));
  const element = menu(FILTER_WORDS[label], ...boxes);
  element.dataset.filter = label;
  const show = () => {
    const chosen = view.filters[label] || [];
    boxes.forEach((box, place) => (one('input', box).checked = chosen.includes(values[place])));
    one('summary', element).textContent = FILTER_WORDS[label] + (chosen.length ? `: ${chosen.length}` : '');
    element.classList.toggle('on', chosen.length > 0);
  };
  return { element, show };
}

/** @param {any} element the menu of the columns */
function fillColumns(element) {
  const board = shownBoard();
  const panel = one('.panel', element);
  if (panel.dataset.board !== board.id) {
    panel.dataset.board = board.id;
    panel.replaceChildren(...board.columns.filter((column) => column.key !== 'attack').map((column) => {
      const box = checkbox(titleOf(column), true, (on) => {
        const columns = { ...view.columns };
        if (on === column.shown) delete columns[column.key];
        else columns[column.key] = on;
        change({ columns });
      });
      box.dataset.key = column.key;
      return box;
    }));
  }
  for (const box of all('label', panel)) {
    const column = board.columns.find((each) => each.key === box.dataset.key);
    one('input', box).checked = view.columns[column.key] ?? column.shown;
  }
}

/**
 * @param {string} name of a format
 * @returns {any}
 */
function formatRow(name) {
  const format = FORMATS[name];
  const text = () => format.make(shownColumns(), shownRows());
  const copied = make('button', { type: 'button', text: 'Copy', 'aria-label': `Copy the rows as ${name}` });
  copied.addEventListener('click', () => copy(text(), copied));
  const loaded = make('button', { type: 'button', text: 'Download', 'aria-label': `Download the rows as ${name}` });
  loaded.addEventListener('click', () => download(`leakbench-${shownBoard().id}.${format.end}`, text(), format.kind));
  return make('p', { class: 'format' }, make('span', { text: name }), copied, loaded);
}
