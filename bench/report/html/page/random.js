// @ts-check
// NumPy's default generator (PCG64, XSL-RR 128/64), so that the page draws the numbers that bench.results draws.

const MULTIPLIER = 47026247687942121848144207491837523525n;

/**
 * A 128-bit number as eight digits of 16 bits, the lowest first.
 * @param {bigint} value
 * @returns {Float64Array}
 */
function digitsOf(value) {
  return Float64Array.from({ length: 8 }, (_, place) => Number((value >> BigInt(16 * place)) & 0xffffn));
}

class Generator {
  /**
   * @param {string} state the 128-bit state, in decimal digits
   * @param {string} increment
   */
  constructor(state, increment) {
    this.state = digitsOf(BigInt(state));
    this.increment = digitsOf(BigInt(increment));
    this.multiplier = digitsOf(MULTIPLIER);
    this.kept = -1; // the upper half of the last number, which serves the next call
  }

  /**
   * The next 32 random bits, as NumPy takes them: the lower half of a number first.
   * @returns {number}
   */
  next() {
    if (this.kept >= 0) {
      const upper = this.kept;
      this.kept = -1;
      return upper;
    }
    const { state, increment, multiplier } = this;
    const out = new Float64Array(8);
    let carry = 0;
    for (let place = 0; place < 8; place++) {
      let sum = carry + increment[place];
      for (let low = 0; low <= place; low++) sum += state[low] * multiplier[place - low];
      carry = Math.floor(sum / 65536);
      out[place] = sum - carry * 65536;
    }
    this.state = out;
    const low = ((out[0] ^ out[4]) | ((out[1] ^ out[5]) << 16)) >>> 0;
    const high = ((out[2] ^ out[6]) | ((out[3] ^ out[7]) << 16)) >>> 0;
    const turn = out[7] >>> 10;
    const [a, b] = turn >= 32 ? [high, low] : [low, high];
    const by = turn % 32;
    const first = by ? ((a >>> by) | (b << (32 - by))) >>> 0 : a;
    this.kept = by ? ((b >>> by) | (a << (32 - by))) >>> 0 : b;
    return first;
  }

  /**
   * A whole number from 0 to `count` - 1, each as likely (Lemire's method, as NumPy has it).
   * @param {number} count below 2^20
   * @returns {number}
   */
  below(count) {
    let product = this.next() * count;
    let rest = product % 4294967296;
    if (rest < count) {
      const threshold = (4294967296 - count) % count;
      while (rest < threshold) {
        product = this.next() * count;
        rest = product % 4294967296;
      }
    }
    return Math.floor(product / 4294967296);
  }
}
