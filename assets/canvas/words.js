// Numbers and tokens in words, the same everywhere.

/** States of a run that is over. */
export const ENDED = {
  done: "done",
  cancelled: "stopped",
  interrupted: "interrupted",
  diverged: "diverged",
  oom: "out of memory",
  timeout: "out of time",
  failed: "failed",
  unreadable: "unreadable",
};

/** 0.97345 -> "97.3 %". */
export function percent(value) {
  return Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–";
}

/** Three significant digits, without noise: 0.00123, 12.3, 1.2e-7. */
export function number(value) {
  if (!Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size < 1e-4 || size >= 1e5) return sign + size.toExponential(1).replace("e+", "e").replace("e-", "e−");
  return sign + (size >= 1000 ? Math.round(size) : Number(size.toPrecision(3)));
}

/** A power of ten: 0.01, 1, 100, but 10⁻⁵. */
export function power(value) {
  const exponent = Math.round(Math.log10(value));
  if (exponent >= -3 && exponent <= 4) return String(Number((10 ** exponent).toPrecision(1)));
  return `10${raised(exponent)}`;
}

/** A whole number as an exponent: -3 -> "⁻³". */
export function raised(exponent) {
  return String(exponent)
    .replace("-", "⁻")
    .replace(/\d/g, (d) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[d]);
}

/** Thousands with thin spaces: 12 500. */
export function count(value) {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

/** 75.2 -> "1 min 15 s". */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** A length as people write it: 4096 -> "4096", 1048576 -> "2^20". */
export function lengthWords(value) {
  const power = Math.log2(value);
  return value >= 8192 && Number.isInteger(power) ? `2^${power}` : String(value);
}

/** Downloads may not carry odd characters in their names. */
export function fileName(...parts) {
  return parts
    .join("-")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
}

/** Rows of cells as CSV; cells with commas or quotes are quoted. */
export function toCsv(rows) {
  const cell = (value) => (/[",\n]/.test(String(value)) ? `"${String(value).replaceAll('"', '""')}"` : String(value));
  return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
}
