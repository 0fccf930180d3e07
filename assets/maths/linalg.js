// Small dense real matrices: a matrix is a list of rows, a vector a list of numbers, typed or plain.

/** A matrix whose entry (i, j) is `entry(i, j)`; zero without one. */
export function matrix(rows, columns, entry) {
  return Array.from({ length: rows }, (_, i) => {
    const row = new Float64Array(columns);
    if (entry) for (let j = 0; j < columns; j++) row[j] = entry(i, j);
    return row;
  });
}

export const identity = (N) => matrix(N, N, (i, j) => (i === j ? 1 : 0));
export const diagonal = (values) => matrix(values.length, values.length, (i, j) => (i === j ? values[i] : 0));
export const transpose = (A) => matrix(A[0].length, A.length, (i, j) => A[j][i]);
export const outer = (u, v) => matrix(u.length, v.length, (i, j) => u[i] * v[j]);

/** Entry by entry: alpha A + beta B. */
export const combine = (alpha, A, beta, B) => matrix(A.length, A[0].length, (i, j) => alpha * A[i][j] + beta * B[i][j]);

export const scaled = (A, factor) => matrix(A.length, A[0].length, (i, j) => factor * A[i][j]);

export function dot(u, v) {
  let sum = 0;
  for (let i = 0; i < u.length; i++) sum += u[i] * v[i];
  return sum;
}

export const norm = (v) => Math.sqrt(dot(v, v));

/** A v. */
export const apply = (A, v) => Float64Array.from(A, (row) => dot(row, v));

/** A B. */
export function product(A, B) {
  const out = matrix(A.length, B[0].length);
  for (let i = 0; i < A.length; i++) {
    const row = out[i];
    for (let k = 0; k < B.length; k++) {
      const a = A[i][k];
      if (a !== 0) addTimes(row, a, B[k]);
    }
  }
  return out;
}

/** row += a * from, in place. */
function addTimes(row, a, from) {
  for (let j = 0; j < row.length; j++) row[j] += a * from[j];
}

/** The largest sum of absolute values in a row. */
export const rowNorm = (A) => Math.max(...A.map((row) => row.reduce((sum, a) => sum + Math.abs(a), 0)));

/**
 * X with A X = B, by elimination with partial pivoting; B is a vector or a matrix, and so is X. Where A is singular in
 * floats the answer holds what is no number (as the recurrences do that leave every scale).
 */
export function solve(A, B) {
  const flat = typeof B[0] === "number";
  const left = A.map((row) => Float64Array.from(row));
  const right = flat ? Array.from(B, (b) => Float64Array.of(b)) : B.map((row) => Float64Array.from(row));
  eliminate(left, right);
  substitute(left, right);
  return flat ? Float64Array.from(right, (row) => row[0]) : right;
}

export const inverse = (A) => solve(A, identity(A.length));

/** To upper triangular form, in place. */
function eliminate(left, right) {
  const N = left.length;
  for (let k = 0; k < N; k++) {
    let pivot = k;
    for (let i = k + 1; i < N; i++) if (Math.abs(left[i][k]) > Math.abs(left[pivot][k])) pivot = i;
    [left[k], left[pivot]] = [left[pivot], left[k]];
    [right[k], right[pivot]] = [right[pivot], right[k]];
    for (let i = k + 1; i < N; i++) {
      const factor = left[i][k] / left[k][k];
      if (factor === 0) continue;
      for (let j = k; j < N; j++) left[i][j] -= factor * left[k][j];
      for (let j = 0; j < right[i].length; j++) right[i][j] -= factor * right[k][j];
    }
  }
}

/** From the last row up, in place. */
function substitute(left, right) {
  for (let k = left.length - 1; k >= 0; k--) {
    const row = right[k];
    for (let i = k + 1; i < left.length; i++) {
      const factor = left[k][i];
      if (factor !== 0) for (let j = 0; j < row.length; j++) row[j] -= factor * right[i][j];
    }
    for (let j = 0; j < row.length; j++) row[j] /= left[k][k];
  }
}

// The [13/13] Pade approximant of e^x (Higham 2005, "The scaling and squaring method for the matrix exponential
// revisited"): coefficients, and the norm up to which it is exact to double precision.
const PADE = [
  64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600,
  670442572800, 33522128640, 1323241920, 40840800, 960960, 16380, 182, 1,
];
const PADE_NORM = 5.37;

/** e^A by scaling and squaring. */
export function expm(A) {
  const size = rowNorm(A);
  if (!Number.isFinite(size)) return matrix(A.length, A.length, () => NaN);
  const halvings = size > PADE_NORM ? Math.ceil(Math.log2(size / PADE_NORM)) : 0;
  let grown = pade(scaled(A, 2 ** -halvings));
  for (let k = 0; k < halvings; k++) grown = product(grown, grown);
  return grown;
}

function pade(A) {
  const A2 = product(A, A);
  const A4 = product(A2, A2);
  const A6 = product(A4, A2);
  const one = identity(A.length);
  const sum = (c0, c2, c4, c6) =>
    matrix(A.length, A.length, (i, j) => c0 * one[i][j] + c2 * A2[i][j] + c4 * A4[i][j] + c6 * A6[i][j]);
  const c = PADE;
  const odd = product(A, combine(1, product(A6, sum(0, c[9], c[11], c[13])), 1, sum(c[1], c[3], c[5], c[7])));
  const even = combine(1, product(A6, sum(0, c[8], c[10], c[12])), 1, sum(c[0], c[2], c[4], c[6]));
  return solve(combine(1, even, -1, odd), combine(1, even, 1, odd));
}

/** The two eigenvalues of a 2 x 2 matrix as pairs [re, im]: the larger real or imaginary part first. */
export function eigenvalues2([[a, b], [c, d]]) {
  const [mean, spread] = [(a + d) / 2, ((a - d) / 2) ** 2 + b * c];
  const root = Math.sqrt(Math.abs(spread));
  if (spread < 0)
    return [
      [mean, root],
      [mean, -root],
    ];
  // the one that adds without cancelling, the other from the determinant
  const far = mean < 0 ? mean - root : mean + root;
  const near = far === 0 ? 0 : (a * d - b * c) / far;
  return [
    [Math.max(far, near), 0],
    [Math.min(far, near), 0],
  ];
}
