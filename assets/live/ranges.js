// One range of Delta for both twins and all steps, so that heights and colours compare. It widens by whole powers of
// ten as frames are seen and never narrows.

const LOWEST = 1e-4; // what is smaller keeps all but a ten thousandth per unit of A: nothing to see
const HIGHEST = 1e3;
const LOW_SHARE = 0.02; // of the values may lie below the range: a few channels close almost completely
const STRIDE = 5; // every fifth value tells the quantile well enough

export class DeltaRanges {
  constructor() {
    this.layers = []; // {low, high} per layer
    this.seen = new WeakSet();
  }

  /** The range of layer i, after taking in these layers (of the frames shown). */
  of(i, layers) {
    for (const layer of layers) if (layer?.delta && !this.seen.has(layer)) this.take(i, layer);
    return this.layers[i] ?? { low: 1e-3, high: 1 };
  }

  take(i, layer) {
    this.seen.add(layer);
    const some = layer.delta.filter((value, n) => n % STRIDE === 0 && value > 0 && Number.isFinite(value)).sort();
    if (!some.length) return;
    const low = Math.max(LOWEST, 10 ** Math.floor(Math.log10(some[Math.floor(LOW_SHARE * some.length)])));
    const high = Math.min(HIGHEST, 10 ** Math.ceil(Math.log10(some.at(-1))));
    const before = this.layers[i] ?? { low: Infinity, high: 0 };
    this.layers[i] = { low: Math.min(before.low, low), high: Math.max(before.high, high, 10 * low) };
  }
}
