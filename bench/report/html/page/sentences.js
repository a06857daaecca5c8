// @ts-check
// Sentences word by word: which words of a reconstruction the truth has, in the same order or elsewhere.

/**
 * How each word of a reconstruction agrees with the truth: `same` (a word of the longest common subsequence),
 * `elsewhere` (the truth has it at another place), or `other`.
 * @param {string[]} words
 * @param {string[]} truth
 * @returns {string[]}
 */
function agreement(words, truth) {
  const [n, m] = [words.length, truth.length];
  const longest = Array.from({ length: n + 1 }, () => new Uint32Array(m + 1));
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      longest[i][j] = words[i] === truth[j] ? longest[i + 1][j + 1] + 1 : Math.max(longest[i + 1][j], longest[i][j + 1]);
    }
  }
  /** @type {string[]} */
  const found = words.map((word) => (truth.includes(word) ? 'elsewhere' : 'other'));
  for (let i = 0, j = 0; i < n && j < m;) {
    if (words[i] === truth[j]) {
      found[i] = 'same';
      i++;
      j++;
    } else if (longest[i + 1][j] >= longest[i][j + 1]) {
      i++;
    } else {
      j++;
    }
  }
  return found;
}

/**
 * @param {string | null} sentence
 * @returns {string[]}
 */
const wordsOf = (sentence) => (sentence || '').split(' ').filter(Boolean);

/**
 * A sentence with its words marked. The marks differ in more than colour: a word in its place is underlined, a word
 * from elsewhere is dotted, and any other word is struck out; a reader who hears the page is told the shares.
 * @param {string | null} sentence
 * @param {string} truth
 * @returns {any}
 */
function marked(sentence, truth) {
  if (sentence === null) return make('em', { text: 'no reconstruction' });
  const words = wordsOf(sentence);
  if (!words.length) return make('em', { text: 'nothing' });
  const kinds = agreement(words, wordsOf(truth));
  const spans = words.flatMap((word, place) => [make(kinds[place] === 'same' ? 'b' : 'span', { class: kinds[place], text: word }), ' ']);
  const same = kinds.filter((kind) => kind === 'same').length;
  return make('span', { class: 'sentence' }, ...spans,
    make('span', { class: 'hidden', text: `(${same} of ${wordsOf(truth).length} words of the truth in order)` }));
}

/**
 * The sentences of a victim: the truth, what each side says at the moment of the slider, and all moments below.
 * @param {Side[]} sides
 * @param {any[][]} items per side
 * @returns {{element: any, draw: (at: number[]) => void}}
 */
function sentenceStage(sides, items) {
  /** @type {{cell: any, item: any, head: any, side: number}[]} */
  const moving = [];
  const parts = items[0].map((item, place) => {
    const rows = [row('truth', make('span', { class: 'sentence', text: item.truth }), 'truth')];
    sides.forEach((side, number) => {
      const own = items[number][place];
      if (!own) return;
      const cell = make('td');
      const head = make('th', { scope: 'row' });
      rows.push(make('tr', {}, head, cell));
      moving.push({ cell, item: own, head, side: number });
    });
    const steps = sides.length === 1 ? moments(item) : null;
    return make('div', { class: 'spoken' }, make('table', { class: 'plain' }, make('tbody', {}, ...rows)), steps);
  });
  const draw = (/** @type {number[]} */ at) => {
    for (const { cell, item, head, side } of moving) {
      const frame = Math.min(at[side], item.moments.length);
      cell.replaceChildren(marked(item.frames[frame], item.truth));
      head.textContent = (sides.length > 1 ? `${sideName(sides, side)}, ` : '') + momentOf(item, frame);
    }
  };
  const legend = make('p', { class: 'about legend' },
    make('b', { class: 'same', text: 'Bold and underlined' }), ': the word is in the truth, in this order. ',
    make('span', { class: 'elsewhere', text: 'Dotted' }), ': the truth has the word elsewhere. ',
    make('span', { class: 'other', text: 'Struck out' }), ': the truth does not have it.');
  return { element: make('div', {}, ...parts, legend), draw };
}

/**
 * @param {string} head
 * @param {Node} content
 * @param {string} kind
 * @returns {any}
 */
const row = (head, content, kind) => make('tr', { class: kind }, make('th', { scope: 'row', text: head }), make('td', {}, content));

/**
 * All moments of a sentence, one below the other.
 * @param {any} item
 * @returns {any}
 */
function moments(item) {
  if (!item.moments.length) return null;
  const lines = item.frames.map((/** @type {string | null} */ sentence, /** @type {number} */ frame) =>
    row(momentOf(item, frame), marked(sentence, item.truth), ''));
  return make('details', { class: 'notes' }, make('summary', { text: 'All iterations, one below the other' }),
    make('table', { class: 'plain' }, make('tbody', {}, ...lines, row('truth', make('span', { text: item.truth }), 'truth'))));
}
