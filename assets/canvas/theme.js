// Colours: Streamlit's theme as canvas colours, Okabe-Ito for categories, cividis and a signed map for magnitudes.

export const OKABE_ITO = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7"];

// Ten evenly spaced stops of cividis (Nunez, Anderton & Renslow 2018), linear in between.
const CIVIDIS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];

const SYMBOLS = ["x", "delta", "A", "B", "C", "h", "y"];

/** [r, g, b] of "#rrggbb" or "rgb(r, g, b)". */
export function rgb(colour) {
  if (colour.startsWith("#")) {
    const hex = colour.length === 4 ? colour.replace(/[0-9a-f]/gi, "$&$&") : colour;
    return [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
  }
  return (colour.match(/[\d.]+/g) ?? ["128", "128", "128"]).slice(0, 3).map(Number);
}

/** Relative luminance in [0, 1] (WCAG). */
export function luminance(colour) {
  const [r, g, b] = rgb(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** Black or white, whichever reads better on `colour`. */
export function inkOn(colour) {
  return luminance(colour) > 0.179 ? "#000000" : "#ffffff";
}

/** Mixes two colours: share 0 is `a`, 1 is `b`. */
export function mix(a, b, share) {
  const [from, to] = [rgb(a), rgb(b)];
  return `rgb(${from.map((c, i) => Math.round(c + share * (to[i] - c))).join(", ")})`;
}

/** 256 packed RGBA values through `stops`, for ImageData seen as Uint32 (little-endian, as every browser's machine is). */
function table(stops) {
  const colours = stops.map(rgb);
  return Uint32Array.from({ length: 256 }, (_, i) => {
    const at = (i / 255) * (colours.length - 1);
    const j = Math.min(Math.floor(at), colours.length - 2);
    const [r, g, b] = colours[j].map((c, n) => Math.round(c + (at - j) * (colours[j + 1][n] - c)));
    return ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  });
}

const MAGNITUDE = table(CIVIDIS);

/** Reads the `--st-*` variables and the symbols' colours as they stand on `root` now. */
export function readTheme(root) {
  const style = getComputedStyle(root);
  const get = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const background = get("--st-background-color", "#ffffff");
  const text = get("--st-text-color", "#31333f");
  const dark = luminance(background) < 0.2;
  root.dataset.theme = dark ? "dark" : "light"; // canvas.css answers with the symbols' colours
  const neutral = dark ? mix(background, text, 0.08) : mix(background, text, 0.04);
  return {
    dark,
    background,
    text,
    faint: mix(background, text, 0.62),
    grid: mix(background, text, 0.13),
    noise: mix(background, text, 0.2),
    primary: get("--st-primary-color", "#ff4b4b"),
    font: get("--st-font", "system-ui, sans-serif"),
    magnitude: MAGNITUDE,
    signed: table([dark ? "#56B4E9" : "#0072B2", neutral, dark ? "#FF8C42" : "#D55E00"]),
    symbol: Object.fromEntries(SYMBOLS.map((name) => [name, get(`--ssm-${name}`, text)])),
    runs: [
      get("--ssm-run-0", "#0072B2"),
      get("--ssm-run-1", "#D55E00"),
      get("--ssm-run-2", "#009E73"),
      get("--ssm-run-3", "#CC79A7"),
    ],
    right: get("--ssm-right", "#009E73"),
    wrong: get("--ssm-wrong", "#D55E00"),
  };
}

/** A CSS gradient of one of the tables, for colour bars. */
export function gradient(colours) {
  const css = (value) => `rgb(${value & 255} ${(value >> 8) & 255} ${(value >> 16) & 255})`;
  return `linear-gradient(90deg, ${Array.from({ length: 9 }, (_, i) => css(colours[Math.round((i * 255) / 8)])).join(", ")})`;
}

// After seven classes the colours come again, darker, then lighter; the letter tells what colour cannot.
const ROUNDS = [(c) => c, (c) => mix(c, "#000000", 0.45), (c) => mix(c, "#ffffff", 0.55)];

function classFill(token) {
  const round = Math.floor(token / OKABE_ITO.length) % ROUNDS.length;
  return ROUNDS[round](OKABE_ITO[token % OKABE_ITO.length]);
}

/** Fill of a token's cell: data in Okabe-Ito by class, specials neutral. */
export function tokenFill(theme, token, vocabulary) {
  const kind = vocabulary[token]?.kind ?? "data";
  if (kind === "noise") return theme.noise;
  if (kind === "data") return classFill(token);
  return mix(theme.background, theme.text, 0.75);
}

/** Calls `changed` whenever the inherited theme changes: a zero-sized element lets CSS report it, nothing polls. */
export function watchTheme(root, changed) {
  const witness = document.createElement("span");
  witness.className = "theme-witness";
  witness.setAttribute("aria-hidden", "true");
  witness.addEventListener("transitionrun", changed);
  root.append(witness);
}
