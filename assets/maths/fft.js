// The fast Fourier transform, for n a power of two. A sequence of complex numbers is {re, im}, two Float64Arrays.

/** X_k = sum_t x_t exp(-2 pi i k t / n), as numpy.fft.fft. A missing `im` is 0; what is given stays as it is. */
export function fft({ re, im }) {
  return transform(re, im, -1);
}

/** x_t = (1 / n) sum_k X_k exp(2 pi i k t / n), as numpy.fft.ifft. */
export function ifft({ re, im }) {
  const n = re.length;
  const x = transform(re, im, 1);
  for (let t = 0; t < n; t++) {
    x.re[t] /= n;
    x.im[t] /= n;
  }
  return x;
}

/** The first power of two that is at least n. */
export function powerOfTwo(n) {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/** Cooley and Tukey 1965: bits of the index reversed, then log2 n passes of butterflies. */
function transform(re, im, sign) {
  const n = re.length;
  if (n < 1 || n & (n - 1)) throw new RangeError(`n must be a power of two, got ${n}; pad with zeros to powerOfTwo(n)`);
  const x = { re: Float64Array.from(re), im: im ? Float64Array.from(im) : new Float64Array(n) };
  reverseBits(x, n);
  const { cos, sin } = roots(n);
  for (let half = 1; half < n; half *= 2) pass(x, n, half, cos, sin, sign);
  return x;
}

function pass({ re, im }, n, half, cos, sin, sign) {
  const stride = n / (2 * half);
  for (let start = 0; start < n; start += 2 * half) {
    for (let k = 0; k < half; k++) {
      const [a, b] = [start + k, start + k + half];
      const [wr, wi] = [cos[k * stride], sign * sin[k * stride]];
      const tr = re[b] * wr - im[b] * wi;
      const ti = re[b] * wi + im[b] * wr;
      re[b] = re[a] - tr;
      im[b] = im[a] - ti;
      re[a] += tr;
      im[a] += ti;
    }
  }
}

function reverseBits({ re, im }, n) {
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [re[i], re[j]] = [re[j], re[i]];
      [im[i], im[j]] = [im[j], im[i]];
    }
  }
}

const kept = new Map(); // roots of unity by n: a drag asks for the same ones sixty times a second

function roots(n) {
  if (!kept.has(n)) {
    const angle = (k) => (2 * Math.PI * k) / n;
    kept.set(n, {
      cos: Float64Array.from({ length: n >> 1 }, (_, k) => Math.cos(angle(k))),
      sin: Float64Array.from({ length: n >> 1 }, (_, k) => Math.sin(angle(k))),
    });
  }
  return kept.get(n);
}
