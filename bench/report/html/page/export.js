// @ts-check
// What a reader takes away: the rows and columns that are shown, as CSV, LaTeX or JSON.

/**
 * A value of a CSV file. A text that a spreadsheet would compute gets a quotation mark in front.
 * @param {any} value
 * @returns {string}
 */
function csvCell(value) {
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return String(value);
  let text = String(value);
  if (/^\s*[=+\-@]/.test(text) && !Number.isFinite(Number(text))) text = `'${text}`;
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * @param {any[]} columns as in the index
 * @param {string[]} rows identities
 * @returns {string}
 */
function asCsv(columns, rows) {
  const head = columns.flatMap((column) => column.kind === 'figure'
    ? ['', '_low', '_high', '_n'].map((part) => column.key + part)
    : [column.key]);
  const lines = rows.map((identity) => {
    const cell = index.cells[identity];
    const values = columns.flatMap((column) => {
      if (column.kind !== 'figure') return [cell[column.key]];
      const figure = cell.figures[column.key] || {};
      return [figure.mean, figure.low, figure.high, figure.n];
    });
    return [...values, cell.control ? 1 : 0, cell.stopped, identity];
  });
  return [[...head, 'control', 'reason', 'identity'], ...lines]
    .map((line) => line.map(csvCell).join(',') + '\n').join('');
}

/** @type {Record<string, string>} */
const LATEX = {
  '\\': '\\textbackslash{}', '{': '\\{', '}': '\\}', $: '\\$', '&': '\\&', '#': '\\#', _: '\\_', '%': '\\%',
  '^': '\\textasciicircum{}', '~': '\\textasciitilde{}', '<': '\\textless{}', '>': '\\textgreater{}',
  '|': '\\textbar{}', '[': '{[}', '"': "''", '≤': '$\\leq$', '†': '$\\dagger$', '‡': '$\\ddagger$', '±': '$\\pm$',
  'ε': '$\\varepsilon$', '×': '$\\times$', '–': '--', '’': "'",
};

/**
 * @param {any} text
 * @returns {string}
 */
function latex(text) {
  return Array.from(String(text ?? ''), (sign) =>
    LATEX[sign] ?? (/^[\x20-\x7e\u00c0-\u00cf\u00d1-\u00d6\u00d8-\u00dd\u00df-\u00ef\u00f1-\u00f6\u00f8-\u00fd\u00ff]$/.test(sign) ? sign : '?')).join('');
}

/**
 * A table for \input; it needs the package booktabs.
 * @param {any[]} columns
 * @param {string[]} rows
 * @returns {string}
 */
function asLatex(columns, rows) {
  /** @type {Record<string, string>} */
  const arrows = { up: ' $\\uparrow$', down: ' $\\downarrow$' };
  const head = columns.map((column) =>
    latex(titleOf({ ...column, unit: '' })) + (arrows[column.direction] || '') + (column.unit ? ` (${latex(column.unit)})` : ''));
  const lines = rows.map((identity) => {
    const cell = index.cells[identity];
    return columns.map((column) => {
      if (column.kind !== 'figure') return latex(cell[column.key] ?? '--') + (column.key === 'attack' && cell.control ? ' (control)' : '');
      const figure = cell.figures[column.key];
      if (!figure || figure.text === undefined) return '--';
      const small = figure.interval ? ` {\\scriptsize ${latex(`[${figure.interval}]`)}}` : '';
      return latex(figure.text + figure.marks) + small;
    });
  });
  return [
    '% needs \\usepackage{booktabs}',
    `\\begin{tabular}{${columns.map((column) => (column.number ? 'r' : 'l')).join('')}}`,
    '\\toprule',
    `${head.join(' & ')} \\\\`,
    '\\midrule',
    ...lines.map((line) => `${line.join(' & ')} \\\\`),
    '\\bottomrule',
    '\\end{tabular}',
    '',
  ].join('\n');
}

/**
 * @param {any[]} columns
 * @param {string[]} rows
 * @returns {string}
 */
function asJson(columns, rows) {
  const found = rows.map((identity) => {
    const cell = index.cells[identity];
    /** @type {Record<string, any>} */
    const labels = {};
    for (const column of columns) if (column.kind !== 'figure') labels[column.key] = cell[column.key];
    /** @type {Record<string, any>} */
    const figures = {};
    for (const column of columns) if (column.kind === 'figure') figures[column.key] = cell.figures[column.key] || null;
    return { identity, ...labels, control: cell.control, reason: cell.stopped, figures };
  });
  return JSON.stringify(found, null, 1) + '\n';
}

/** @type {Record<string, {make: (columns: any[], rows: string[]) => string, kind: string, end: string}>} */
const FORMATS = {
  CSV: { make: asCsv, kind: 'text/csv', end: 'csv' },
  LaTeX: { make: asLatex, kind: 'application/x-tex', end: 'tex' },
  JSON: { make: asJson, kind: 'application/json', end: 'json' },
};

/**
 * @param {string} name
 * @param {string} text
 * @param {string} kind
 */
function download(name, text, kind) {
  const address = URL.createObjectURL(new Blob([text], { type: `${kind};charset=utf-8` }));
  const link = make('a', { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
