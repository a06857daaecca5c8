// @ts-check
// Truth and reconstruction side by side, with a slider over the iterations. It shows one cell, or two on the same victims.

/**
 * @typedef {object} Side
 * @property {string} identity
 * @property {any} detail what `detailOf` gives
 */

/**
 * The victims that every side shows.
 * @param {Side[]} sides
 * @returns {number[]}
 */
function sharedVictims(sides) {
  const sets = sides.map((side) => new Set(side.detail.examples.items.map((/** @type {any} */ item) => item.victim)));
  return [...sets[0]].filter((victim) => sets.every((set) => set.has(victim))).sort((a, b) => a - b);
}

/**
 * @param {Side} side
 * @param {number} victim
 * @returns {any[]}
 */
const itemsOf = (side, victim) => side.detail.examples.items.filter((/** @type {any} */ item) => item.victim === victim);

/**
 * The iteration that a frame stands for, in words; the last frame is the reconstruction.
 * @param {any} item
 * @param {number} frame
 * @returns {string}
 */
function momentOf(item, frame) {
  return frame < item.moments.length ? `iteration ${item.moments[frame].toLocaleString('en')}` : 'reconstruction';
}

/**
 * @param {number[]} frames how many frames each side has
 * @param {number} step of the slider
 * @param {number} side
 * @returns {number} the frame that this side shows
 */
function frameAt(frames, step, side) {
  const most = Math.max(...frames) - 1;
  return most === 0 ? frames[side] - 1 : Math.round((step / most) * (frames[side] - 1));
}

/**
 * @param {Side[]} sides one or two
 * @param {(victim: number, iteration: number | null) => void} moved is told which victim and iteration are shown
 * @returns {any} the element
 */
function makeViewer(sides, moved) {
  const victims = sharedVictims(sides);
  const kind = sides[0].detail.examples.kind;
  if (!victims.length || !kind) return make('p', { class: 'about', text: absent(sides) });
  const stage = make('div', { class: `stage ${kind}` });
  const picker = make('select', { 'aria-label': 'Victim' }, ...victims.map((victim) =>
    make('option', { value: victim, text: `victim ${victim}${ending(sides, victim)}` })));
  const slider = make('input', { type: 'range', min: 0, 'aria-label': 'Iteration' });
  const words = make('output', { class: 'moment' });
  const play = make('button', { type: 'button', text: 'Play' });
  const line = make('div', { class: 'controls slide' }, picker, play, slider, words);
  /** @type {any} */
  let timer = null;
  /** @type {(step: number) => void} */
  let draw = () => {};

  function showVictim() {
    const victim = Number(picker.value);
    const items = sides.map((side) => itemsOf(side, victim));
    const frames = items.map((each) => Math.max(...each.map((item) => item.moments.length + 1)));
    slider.max = String(Math.max(...frames) - 1);
    slider.value = slider.max;
    slider.disabled = play.disabled = Math.max(...frames) < 2;
    const shown = kind === 'pictures' ? pictureStage(sides, items) : sentenceStage(sides, items);
    stage.replaceChildren(shown.element);
    draw = (step) => {
      const at = frames.map((_, side) => frameAt(frames, step, side));
      shown.draw(at);
      const said = items.map((each, side) => momentOf(each[0], at[side]));
      words.textContent = said.every((word) => word === said[0]) ? said[0] : said.join(' and ');
      slider.setAttribute('aria-valuetext', words.textContent);
      moved(victim, items[0][0].moments[at[0]] ?? null);
    };
    draw(Number(slider.value));
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = 'Play';
  }

  play.addEventListener('click', () => {
    if (timer) return stop();
    play.textContent = 'Stop';
    if (slider.value === slider.max) slider.value = '0';
    draw(Number(slider.value));
    timer = setInterval(() => {
      if (!play.isConnected || slider.value === slider.max) return stop();
      slider.value = String(Number(slider.value) + 1);
      draw(Number(slider.value));
    }, 450);
  });
  slider.addEventListener('input', () => {
    stop();
    draw(Number(slider.value));
  });
  picker.addEventListener('change', () => {
    stop();
    change({ victim: Number(picker.value) });
    showVictim();
  });
  if (view.victim !== null && victims.includes(view.victim)) picker.value = String(view.victim);
  showVictim();
  return make('div', { class: 'viewer' }, line, stage, note(sides[0]));
}

/**
 * What a side is called: its attack, and which row it is if both have the same attack.
 * @param {Side[]} sides
 * @param {number} number
 * @returns {string}
 */
function sideName(sides, number) {
  const names = sides.map((side) => index.cells[side.identity].attack);
  return names.length > 1 && names[0] === names[1] ? `${names[number]} (${number ? 'second' : 'first'} row)` : names[number];
}

/**
 * How a victim ended, if the cells are known to have ended differently from each other or badly.
 * @param {Side[]} sides
 * @param {number} victim
 * @returns {string}
 */
function ending(sides, victim) {
  const words = sides.map(({ detail }) => detail.values.ended[detail.values.victim.indexOf(victim)]);
  return `, ${[...new Set(words)].join(' and ')}`;
}

/**
 * @param {Side[]} sides
 * @returns {string}
 */
function absent(sides) {
  if (sides.length > 1 && sides.every((side) => side.detail.examples.items.length)) return 'No victim is shown in both.';
  return 'No private example is stored here, or the page was written without them.';
}

/**
 * What the page leaves out of the stored examples, so that it stays small.
 * @param {Side} side
 * @returns {any}
 */
function note(side) {
  const { items, victims, stored, kind } = side.detail.examples;
  const { batch } = index.cells[side.identity];
  const examples = Math.max(...items.map((/** @type {any} */ item) => item.position)) + 1;
  const what = kind === 'pictures' ? 'pictures' : 'examples';
  const lines = [];
  if (victims < stored) lines.push(`The page has the ${what} of the first ${victims} of ${stored} stored victims, so that it stays small.`);
  if (batch > examples) lines.push(`Of each batch of ${batch} it has the first ${examples}.`);
  return lines.length ? make('p', { class: 'about', text: lines.join(' ') }) : null;
}

/**
 * The pictures of a victim: per private image the truth, and one picture per side.
 * @param {Side[]} sides
 * @param {any[][]} items per side
 * @returns {{element: any, draw: (at: number[]) => void}}
 */
function pictureStage(sides, items) {
  const several = items[0].length > 1;
  /** @type {{item: any, side: number, show: (frame: number) => void}[]} */
  const moving = [];
  const groups = items[0].map((item, place) => {
    const truth = tile(item, picture(item, truthAt(item.truth), 1), label(sides[0], item.label), 'The truth');
    const tiles = sides.map((side, number) => {
      const own = items[number][place];
      if (!own) return null;
      const image = picture(own, own.frames, own.moments.length + 1);
      const made = tile(own, image, '', `What ${sideName(sides, number)} got back`);
      moving.push({ item: own, side: number, show: (frame) => {
        image.style.transform = `translateY(${(-100 * frame) / (own.moments.length + 1)}%)`;
        const claim = frame === own.moments.length ? label(sides[number], own.guess, 'claimed ') : '';
        made.caption.textContent = momentOf(own, frame) + (claim ? `, ${claim}` : '');
      } });
      return made.element;
    });
    if (several || sides.length > 1) return make('div', { class: 'pair' }, truth.element, ...tiles);
    const { canvas, show } = difference(item);
    moving.push({ item, side: 0, show });
    const apart = tile(item, canvas, 'black where both are the same', 'The difference');
    return make('div', { class: 'pair' }, truth.element, ...tiles, apart.element);
  });
  const draw = (/** @type {number[]} */ at) => {
    for (const { item, side, show } of moving) show(Math.min(at[side], item.moments.length));
  };
  return { element: make('div', { class: several ? 'pairs several' : 'pairs' }, ...groups), draw };
}

/**
 * All frames of an example as one image, which is moved behind a window of one frame.
 * @param {any} item
 * @param {string} source
 * @param {number} frames
 * @returns {any}
 */
const picture = (item, source, frames) => make('img', { src: source, alt: '', width: item.width, height: item.height * frames });

/**
 * The difference between the truth and one frame. It is drawn pixel by pixel, because two images that the browser scales
 * do not meet exactly.
 * @param {any} item
 * @returns {{canvas: any, show: (frame: number) => void}}
 */
function difference(item) {
  const { width, height } = item;
  const canvas = make('canvas', { width, height });
  const images = [truthAt(item.truth), item.frames].map((source) => Object.assign(new Image(), { src: source }));
  const ready = Promise.all(images.map((image) => image.decode()));
  let wanted = 0;
  const show = (/** @type {number} */ frame) => {
    wanted = frame;
    ready.then(() => {
      if (frame !== wanted) return;
      const context = canvas.getContext('2d');
      context.globalCompositeOperation = 'copy';
      context.drawImage(images[0], 0, 0);
      context.globalCompositeOperation = 'difference';
      context.drawImage(images[1], 0, frame * height, width, height, 0, 0, width, height);
      canvas.dataset.frame = String(frame);
    });
  };
  return { canvas, show };
}

/**
 * A picture with a caption.
 * @param {any} item
 * @param {any} content an image or a canvas
 * @param {string} words of the caption
 * @param {string} title says what it is
 * @returns {{element: any, caption: any}}
 */
function tile(item, content, words, title) {
  const window_ = make('div', { class: 'window', role: 'img', 'aria-label': `${title}, example ${item.position + 1} of victim ${item.victim}` }, content);
  window_.style.aspectRatio = `${item.width} / ${item.height}`;
  const caption = make('span', { class: 'below', text: words });
  const element = make('figure', { class: 'tile' }, window_, make('figcaption', {}, make('span', { text: title }), caption));
  return { element, caption };
}

/**
 * A label in words, with the name of its class if the data set has names.
 * @param {Side} side
 * @param {number | null} number
 * @param {string} [before]
 * @returns {string}
 */
function label(side, number, before = '') {
  if (number === null || number === undefined) return '';
  const name = side.detail.classes[number];
  return `${before}label ${number}${name ? ` (${name})` : ''}`;
}
