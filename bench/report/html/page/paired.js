// @ts-check
// Two cells on the same victims: the mean paired difference, its interval and its p-value, as bench.results has them.

/** @returns {Generator} */
const generator = () => new Generator(index.test.state, index.test.increment);

const MOST_KEPT = 20e6;
/** @type {Map<string, any>} */
const kept = new Map();

/**
 * Numbers that were drawn before for as many victims: all columns of a comparison use the same ones.
 * @param {string} what
 * @param {number} count of the victims
 * @param {number} draws
 * @param {(random: Generator) => number} drawOne
 * @returns {(draw: number, place: number) => number}
 */
function numbersFor(what, count, draws, drawOne) {
  const key = `${what} ${count}`;
  if (count * draws > MOST_KEPT) {
    const random = generator(); // too many to keep: they are drawn again, in the same order
    return () => drawOne(random);
  }
  if (!kept.has(key)) {
    if (kept.size > 3) kept.clear();
    const random = generator();
    kept.set(key, Uint32Array.from({ length: count * draws }, () => drawOne(random)));
  }
  const numbers = kept.get(key);
  return (draw, place) => numbers[draw * count + place];
}

/**
 * The two-sided p-value of the sign-flip permutation test (bench.results.paired.sign_flip).
 * @param {number[]} differences at least one
 * @returns {number}
 */
function signFlip(differences) {
  const count = differences.length;
  const seen = Math.abs(differences.reduce((sum, value) => sum + value, 0) / count);
  const limit = seen - 1e-9 * Math.max(seen, 1e-300);
  let extreme = 0;
  if (count <= index.test.exact) {
    for (let signs = 0; signs < 2 ** count; signs++) {
      let sum = 0;
      for (let place = 0; place < count; place++) sum += signs & (1 << place) ? -differences[place] : differences[place];
      if (Math.abs(sum) / count >= limit) extreme++;
    }
    return extreme / 2 ** count;
  }
  const sign = numbersFor('signs', count, index.test.draws, (random) => random.next() >>> 31);
  for (let draw = 0; draw < index.test.draws; draw++) {
    let sum = 0;
    for (let place = 0; place < count; place++) sum += sign(draw, place) ? differences[place] : -differences[place];
    if (Math.abs(sum) / count >= limit) extreme++;
  }
  return (extreme + 1) / (index.test.draws + 1); // the signs as they are count too
}

/**
 * The mean and its 95 % interval (bench.results.intervals.mean): Student's t, and the bootstrap-t with many victims.
 * @param {number[]} values at least one
 * @returns {{mean: number, low: number | null, high: number | null}}
 */
function meanWithInterval(values) {
  const count = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count < 2) return { mean, low: null, high: null };
  const residuals = values.map((value) => value - mean);
  const error = Math.sqrt((count / (count - 1)) * residuals.reduce((sum, value) => sum + value * value, 0)) / count;
  const student = index.test.student[count - 2];
  let [upper, lower] = [student, -student];
  if (count >= index.test.bootstrap && error > 0) {
    const found = studentised(residuals, error);
    if (Number.isFinite(found[0]) && Number.isFinite(found[1])) [upper, lower] = found;
  }
  return { mean, low: mean - error * upper, high: mean - error * lower };
}

/**
 * The upper and the lower quantile of the studentised mean over resamples of the victims.
 * @param {number[]} residuals
 * @param {number} error the standard error of the mean
 * @returns {[number, number]}
 */
function studentised(residuals, error) {
  const count = residuals.length;
  const chosen = numbersFor('victims', count, index.test.resamples, (random) => random.below(count));
  const drawn = new Float64Array(index.test.resamples);
  for (let resample = 0; resample < drawn.length; resample++) {
    let sum = 0;
    let squares = 0;
    for (let draw = 0; draw < count; draw++) {
      const value = residuals[chosen(resample, draw)];
      sum += value;
      squares += value * value;
    }
    const offset = sum / count;
    const inner = squares - 2 * offset * sum + offset * offset * count;
    const spread = Math.sqrt(Math.max((count / (count - 1)) * inner, 0)) / count;
    drawn[resample] = spread <= 1e-9 * error ? (offset === 0 ? 0 : Math.sign(offset) * Infinity) : offset / spread;
  }
  drawn.sort();
  const at = (/** @type {number} */ share) => drawn[Math.round(share * (drawn.length - 1))];
  return [at(0.975), at(0.025)];
}

/**
 * Compares two cells in one column.
 * @param {any} first what `detailOf` gives
 * @param {any} second
 * @param {string} key of the column
 * @param {boolean} logs whether the column is a geometric mean: then logarithms are compared, and the figures are ratios
 * @returns {null | {n: number, first: number, second: number, mean: number, low: number | null, high: number | null,
 *   p: number}}
 */
function comparePaired(first, second, key, logs) {
  const own = first.values.columns[key];
  const their = second.values.columns[key];
  if (!own || !their) return null;
  const places = new Map(second.values.victim.map((/** @type {number} */ victim, /** @type {number} */ at) => [victim, at]));
  /** @type {number[][]} */
  const pairs = [];
  first.values.victim.forEach((/** @type {number} */ victim, /** @type {number} */ at) => {
    const place = places.get(victim);
    if (place !== undefined && own[at] !== null && their[place] !== null) pairs.push([own[at], their[place]]);
  });
  if (!pairs.length) return null;
  const scale = logs ? Math.log10 : (/** @type {number} */ value) => value;
  const back = logs ? (/** @type {number} */ value) => 10 ** value : (/** @type {number} */ value) => value;
  const values = pairs.map(([one_, other]) => [scale(one_), scale(other)]);
  const differences = values.map(([one_, other]) => one_ - other);
  const found = meanWithInterval(differences);
  const average = (/** @type {number} */ side) => values.reduce((sum, pair) => sum + pair[side], 0) / values.length;
  return {
    n: pairs.length,
    first: back(average(0)),
    second: back(average(1)),
    mean: back(found.mean),
    low: found.low === null ? null : back(found.low),
    high: found.high === null ? null : back(found.high),
    p: signFlip(differences),
  };
}
