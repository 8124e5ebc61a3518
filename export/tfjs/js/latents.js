/**
 * The latents of dvdgan_tf.sampling.latents, in the browser: tf.random.stateless_normal on a CPU is Philox 4x32 with ten
 * rounds (Salmon et al. 2011) and the Box-Muller transform. The same seed gives the same numbers to within 2e-6, the
 * difference of the logarithm, sine and cosine in single precision.
 */

const MULTIPLIERS = [0xd2511f53n, 0xcd9e8d57n];
const WEYL = [0x9e3779b9, 0xbb67ae85];
const SCRAMBLING_KEY = [0x3ec8f720, 0x02461e29];
const SMALLEST_UNIFORM = Math.fround(1e-7);
const TWO_PI = Math.fround(2 * Math.PI);
const STRAIGHT = 1e-3; // below this sine of the angle two latents have one direction

const low = (value) => Number(value & 0xffffffffn);
const high = (value) => Number(value >> 32n);

/** Four random 32-bit numbers for a counter of four and a key of two. */
function philox(counter, key) {
  let [a, b, c, d] = counter;
  let [left, right] = key;
  for (let round = 0; round < 10; round += 1) {
    const first = MULTIPLIERS[0] * BigInt(a);
    const second = MULTIPLIERS[1] * BigInt(c);
    [a, b, c, d] = [(high(second) ^ b ^ left) >>> 0, low(second), (high(first) ^ d ^ right) >>> 0, low(first)];
    left = (left + WEYL[0]) >>> 0;
    right = (right + WEYL[1]) >>> 0;
  }
  return [a, b, c, d];
}

const bits = new DataView(new ArrayBuffer(4));

/** 23 random bits as the mantissa of a number in [1, 2), less 1. */
function uniform(random) {
  bits.setUint32(0, 0x3f800000 | (random & 0x7fffff));
  return bits.getFloat32(0) - 1;
}

/**
 * truncation * N(0, 1), as sample_latents(seed, 1, truncation) draws it.
 * @param {bigint | number} seed any 64-bit integer.
 * @param {number} size how many numbers.
 * @param {number} truncation the standard deviation, in [0, 1].
 * @returns {Float32Array}
 */
export function sampleLatent(seed, size, truncation) {
  const words = BigInt.asUintN(64, BigInt(seed));
  const mixed = philox([low(words), high(words), 0, 0], SCRAMBLING_KEY);
  const latent = new Float32Array(size);
  for (let index = 0; index < size; index += 4) {
    const random = philox([index / 4, 0, mixed[2], mixed[3]], [mixed[0], mixed[1]]);
    for (const pair of [0, 2]) {
      const radius = Math.sqrt(-2 * Math.log(Math.max(uniform(random[pair]), SMALLEST_UNIFORM)));
      const angle = TWO_PI * uniform(random[pair + 1]);
      latent[index + pair] = truncation * Math.fround(radius * Math.sin(angle));
      latent[index + pair + 1] = truncation * Math.fround(radius * Math.cos(angle));
    }
  }
  return latent;
}

const dot = (first, second) => first.reduce((sum, value, index) => sum + value * second[index], 0);

/** first * (1 - weight) + second * weight. */
export function mix(first, second, weight) {
  return first.map((value, index) => (1 - weight) * value + weight * second[index]);
}

/**
 * The latent on the arc from one to the other, which keeps the length that latents have; the straight line where the two
 * have one direction or one is zero. As dvdgan_tf.sampling.latents.interpolate.
 * @param {Float32Array} first
 * @param {Float32Array} second
 * @param {number} weight from 0 (first) to 1 (second).
 * @returns {Float32Array}
 */
export function interpolate(first, second, weight) {
  const lengths = Math.sqrt(dot(first, first)) * Math.sqrt(dot(second, second));
  if (lengths === 0) {
    return mix(first, second, weight);
  }
  const angle = Math.acos(Math.min(1, Math.max(-1, dot(first, second) / lengths)));
  if (Math.sin(angle) < STRAIGHT) {
    return mix(first, second, weight);
  }
  const parts = [Math.sin((1 - weight) * angle) / Math.sin(angle), Math.sin(weight * angle) / Math.sin(angle)];
  return first.map((value, index) => parts[0] * value + parts[1] * second[index]);
}
