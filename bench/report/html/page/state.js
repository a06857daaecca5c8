// @ts-check
// The view: it lives in the hash of the address, so that a view can be shared.

/**
 * @typedef {object} View
 * @property {string} board the board that is shown
 * @property {string} search
 * @property {Record<string, string[]>} filters the values that are let through, per label; a label without any lets all
 * @property {Record<string, boolean>} columns columns that were switched on or off
 * @property {{key: string, down: boolean} | null} sort
 * @property {string | null} row the cell that is open
 * @property {string | null} other the cell that it is compared with
 * @property {number | null} victim
 */

const FILTERED = ['attack', 'data', 'model', 'defense', 'threat', 'batch', 'seed', 'division', 'origin', 'leakbench'];

/**
 * The view that a hash describes. Whatever is not known is ignored.
 * @param {string} hash
 * @returns {View}
 */
function readView(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ''));
  /** @type {View} */
  const found = { board: words.get('board') || '', search: words.get('q') || '', filters: {}, columns: {}, sort: null,
    row: known(words.get('row')), other: known(words.get('with')), victim: null };
  for (const label of FILTERED) {
    if (words.has(label)) found.filters[label] = words.getAll(label);
  }
  for (const word of words.getAll('column')) found.columns[word.slice(1)] = word[0] === '+';
  const sort = words.get('sort');
  if (sort) found.sort = { key: sort.slice(1), down: sort[0] === '-' };
  const victim = words.get('victim');
  if (victim !== null && /^\d+$/.test(victim)) found.victim = Number(victim);
  return found;
}

/**
 * @param {string | null} identity
 * @returns {string | null}
 */
function known(identity) {
  return identity !== null && Object.hasOwn(index.cells, identity) && !index.cells[identity].seeds ? identity : null;
}

/**
 * @param {View} shown
 * @returns {string}
 */
function writeView(shown) {
  const words = new URLSearchParams();
  if (shown.board) words.set('board', shown.board);
  if (shown.search) words.set('q', shown.search);
  for (const [label, values] of Object.entries(shown.filters)) values.forEach((value) => words.append(label, value));
  for (const [key, on] of Object.entries(shown.columns)) words.append('column', (on ? '+' : '-') + key);
  if (shown.sort) words.set('sort', (shown.sort.down ? '-' : '+') + shown.sort.key);
  if (shown.row) words.set('row', shown.row);
  if (shown.row && shown.other) words.set('with', shown.other);
  if (shown.row && shown.victim !== null) words.set('victim', String(shown.victim));
  return `#${words}`;
}

/** @type {View} */
let view = readView(location.hash);

/** @type {(() => void)[]} */
const watchers = [];

/**
 * Changes the view, the address, and whatever shows the view.
 * @param {Partial<View>} changes
 * @param {boolean} [step] whether the browser's back button undoes this change
 */
function change(changes, step = false) {
  view = { ...view, ...changes };
  const hash = writeView(view);
  if (hash !== location.hash) history[step ? 'pushState' : 'replaceState'](null, '', hash);
  watchers.forEach((watcher) => watcher());
}

addEventListener('popstate', () => {
  view = readView(location.hash);
  watchers.forEach((watcher) => watcher());
});
