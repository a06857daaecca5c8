// @ts-check
// Elements, and the data that the page carries.

/**
 * Makes an element. Text is set as text, so that no name of the results is ever read as markup.
 * @param {string} tag
 * @param {Record<string, any>} [properties] attributes; `on` holds listeners, `class` and `text` are set directly
 * @param {...(Node | string | null | undefined)} children
 * @returns {any}
 */
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === 'on') {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === 'text') {
      element.textContent = value;
    } else if (name === 'class') {
      element.className = value;
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {any}
 */
const one = (selector, within = document) => within.querySelector(selector);

/**
 * @param {string} selector
 * @param {ParentNode} [within]
 * @returns {any[]}
 */
const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));

/**
 * The data of a block of the page.
 * @param {string} id
 * @returns {any}
 */
const block = (id) => JSON.parse(document.getElementById(id)?.textContent || 'null');

/** @type {{boards: any[], cells: Record<string, any>, plots: Record<string, any>, test: any}} */
const index = block('index');

/** @type {Map<string, any>} */
const opened = new Map();

/**
 * What is known of a cell beyond its row; it is read from the page when it is first needed.
 * @param {string} identity
 * @returns {any}
 */
function detailOf(identity) {
  if (!opened.has(identity)) opened.set(identity, block(`cell-${identity}`));
  return opened.get(identity);
}

/** @type {string[] | null} */
let truths = null;

/**
 * The data URI of a private image.
 * @param {number} place
 * @returns {string}
 */
function truthAt(place) {
  truths = truths || block('truths');
  return /** @type {string[]} */ (truths)[place];
}

/**
 * Tells a reader who hears the page what has happened.
 * @param {string} sentence
 */
function say(sentence) {
  one('#said').textContent = sentence;
}

/**
 * A number with three significant digits, as the tables of leakbench print it.
 * @param {number | null | undefined} value
 * @returns {string}
 */
function short(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return 'n/a';
  const size = Math.abs(value);
  if (value === 0 || (size >= 1e-3 && size < 999.5)) return value.toPrecision(3);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/e([+-])(\d)$/, 'e$10$2');
  return Math.round(value).toLocaleString('en');
}

const ESTIMANDS = new Set(['mean', 'geometric mean', 'rate', 'median', '']);

/**
 * The title of a column with what tells it from others of that title, and its unit.
 * @param {any} column as in the index
 * @returns {string}
 */
function titleOf(column) {
  const apart = ESTIMANDS.has(column.estimand) ? '' : `, ${column.estimand}`;
  return column.title + apart + (column.unit ? ` (${column.unit})` : '');
}

/**
 * A cell in words: `idlg on samples-cifar10`.
 * @param {string} identity
 * @returns {string}
 */
function nameOf(identity) {
  const cell = index.cells[identity];
  return `${cell.attack} on ${cell.data}`;
}

/**
 * What tells a cell from others with the same attack and data: model, defence, batch size, seed.
 * @param {string} identity
 * @returns {string}
 */
const settingOf = (identity) => settingWords(identity).join(', ');

/**
 * In what a cell differs from another one, among model, defence, threat model, batch size and seed.
 * @param {string} identity
 * @param {string} other
 * @returns {string} empty if it differs in none of them
 */
function apartFrom(identity, other) {
  const others = settingWords(other);
  return settingWords(identity).filter((words) => !others.includes(words)).join(', ');
}

/**
 * @param {string} identity
 * @returns {string[]}
 */
function settingWords(identity) {
  const cell = index.cells[identity];
  const words = [`model ${cell.model}`, cell.defense === 'none' ? 'no defence' : `defence ${cell.defense}`];
  words.push(`threat model ${cell.threat}`);
  if (cell.batch !== null) words.push(`batches of ${cell.batch}`);
  if (cell.seed !== null) words.push(`seed ${cell.seed}`);
  return words;
}

/**
 * A text in which the number of a paper on arXiv leads to the paper.
 * @param {string} text
 * @returns {any}
 */
function linked(text) {
  return make('span', {}, ...text.split(/\b(\d{4}\.\d{4,5})\b/).map((part_, place) => (place % 2
    ? make('a', { href: `https://arxiv.org/abs/${part_}`, rel: 'noreferrer', text: part_ })
    : part_)));
}

/**
 * Copies a text, and says so on the button that was pressed.
 * @param {string} text
 * @param {HTMLElement} button
 */
async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // A page from a disk may not use the clipboard in every browser; a selected text can be copied everywhere.
    const area = make('textarea', { class: 'hidden', 'aria-hidden': true });
    area.value = text;
    (one('dialog[open]') || document.body).append(area);
    area.select();
    document.execCommand('copy');
    area.remove();
  }
  const before = button.textContent;
  button.textContent = 'Copied';
  say('Copied.');
  setTimeout(() => (button.textContent = before), 1500);
}
