// One frame: safetensors bytes -> named typed arrays (layout: docs/architecture.md, "Frames").

const ARRAYS = {
  U8: Uint8Array,
  I8: Int8Array,
  I16: Int16Array,
  I32: Int32Array,
  F32: Float32Array,
  F64: Float64Array,
};

/** Reads safetensors: little-endian header length, JSON header, arrays. Throws on anything else. */
export function readSafetensors(bytes) {
  const own = bytes.slice(); // a message may start at any offset; typed arrays need alignment
  const size = own.length >= 8 ? Number(new DataView(own.buffer).getBigUint64(0, true)) : Infinity;
  if (size > own.length - 8) throw new Error(`a frame needs a header, got ${own.length} bytes`);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(8, 8 + size)));
  const arrays = {};
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const Type = ARRAYS[entry.dtype];
    if (!Type) throw new Error(`array ${name} has type ${entry.dtype}, which this page cannot read`);
    const [begin, end] = entry.data_offsets.map((offset) => offset + 8 + size);
    if (end > own.length) throw new Error(`array ${name} ends at ${end}, but the frame has ${own.length} bytes`);
    const aligned = begin % Type.BYTES_PER_ELEMENT === 0;
    const data = aligned
      ? new Type(own.buffer, begin, (end - begin) / Type.BYTES_PER_ELEMENT)
      : new Type(own.slice(begin, end).buffer);
    arrays[name] = { data, shape: entry.shape };
  }
  return { metadata: header.__metadata__ ?? {}, arrays };
}

/** A frame as the views want it: sizes, tokens, one record per layer. */
export function readFrame(bytes) {
  const { metadata, arrays } = readSafetensors(bytes);
  const get = (name) => {
    if (!arrays[name]) throw new Error(`the frame lacks ${name}`);
    return arrays[name];
  };
  const read = arrays.signal ?? get("tokens");
  const L = read.data.length;
  const complex = metadata.complex && JSON.parse(metadata.complex);
  const layers = Array.from({ length: layersOf(metadata, arrays) }, (_, i) => ({
    ...readLayer((name) => arrays[`${i}.${name}`], L),
    complex: complex?.includes(i) ?? `${i}.A_imag` in arrays,
  }));
  const answers = arrays.said
    ? { wanted: get("wanted").data, said: arrays.said.data, ...NOTHING_CHOSEN(L) }
    : { targets: get("targets").data, predicted: get("predicted").data, confidence: get("confidence").data };
  return {
    step: Number(metadata.step),
    task: metadata.task ?? "",
    channels: JSON.parse(metadata.channels),
    L,
    signal: arrays.signal?.data, // what is read: real numbers, or tokens
    tokens: arrays.signal ? new Int16Array(L) : read.data,
    ...answers,
    layers,
  };
}

/** How many layers there are; frames from before 2026-11-22 count no layer of attention. */
function layersOf(metadata, arrays) {
  const weighed = Object.keys(arrays).filter((name) => name.endsWith(".attention"));
  return Math.max(Number(metadata.layers), ...weighed.map((name) => Number.parseInt(name, 10) + 1));
}

/** Where real numbers are asked for, no token is. */
const NOTHING_CHOSEN = (L) => ({
  targets: new Int16Array(L).fill(-1),
  predicted: new Int16Array(L).fill(-1),
  confidence: new Float32Array(L),
});

/** Undefined where the layer has no such thing; K rows are shown one by one, of N numbers each. */
function readLayer(get, L) {
  const data = (name) => get(name)?.data;
  const weights = get("attention");
  return {
    K: (get("h") ?? get("delta"))?.shape[0] ?? 0,
    N: (get("h") ?? get("B") ?? get("C"))?.shape.at(-2) ?? 0,
    R: get("heat")?.shape[0] ?? 0,
    delta: data("delta"),
    deltaMean: data("delta_mean"),
    keep: data("keep"),
    heat: data("heat"),
    heatMax: data("heat_max")?.[0],
    h: data("h"),
    hScale: data("h_scale"),
    A: data("A"),
    AImag: data("A_imag"), // of complex layers
    gain: data("gain"), // where a signal is read
    B: data("B"),
    C: data("C"),
    BScale: data("B_scale")?.[0],
    CScale: data("C_scale")?.[0],
    weights: weights && {
      data: weights.data,
      heads: weights.shape[0],
      side: weights.shape[1], // rows and columns
      span: Math.ceil(L / weights.shape[1]), // neighbours that share one
      unit: data("attention_scale")?.[0] / 127 || 1 / 255, // of signed weights; others lie in [0, 1]
      signed: weights.data instanceof Int8Array,
    },
  };
}

/** Splits a history body: uint32 length, uint32 step, the frame, zeros up to a multiple of 8; a cut last one is left out. */
export function splitHistory(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = [];
  for (let at = 0; at + 8 <= bytes.length;) {
    const size = view.getUint32(at, true);
    const begin = at + 8;
    if (begin + size > bytes.length) break;
    found.push({ step: view.getUint32(at + 4, true), bytes: bytes.subarray(begin, begin + size) });
    at = Math.ceil((begin + size) / 8) * 8;
  }
  return found;
}

/** One binary message of the socket: uint32 index of the run, uint32 step, the frame. */
export function splitMessage(buffer) {
  const view = new DataView(buffer);
  return { run: view.getUint32(0, true), step: view.getUint32(4, true), bytes: new Uint8Array(buffer, 8) };
}

/** State n of shown channel k after token t, in its own unit. */
export function stateAt(layer, L, k, n, t) {
  return (layer.h[(k * layer.N + n) * L + t] / 127) * layer.hScale[k];
}

/** Root mean square over N of channel k's state after token t. */
export function stateSize(layer, L, k, t) {
  let sum = 0;
  for (let n = 0; n < layer.N; n++) sum += stateAt(layer, L, k, n, t) ** 2;
  return Math.sqrt(sum / layer.N);
}

/** Share of channel k's state that survives token t, in [0, 1]. */
export function keptAt(layer, L, k, t) {
  return layer.keep[k * L + t] / 255;
}

/** The same, mean over the shown channels. */
export function keptMean(layer, L, t) {
  let sum = 0;
  for (let k = 0; k < layer.K; k++) sum += layer.keep[k * L + t];
  return sum / layer.K / 255;
}
