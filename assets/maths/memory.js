// The bytes that a selective scan moves between slow memory (HBM) and fast memory (SRAM), as ssmviz/lessons/scan.py.
// A setting is {fused, recompute, batch, length, channels, states, size}, `size` the bytes of a number.

const FUSED = [["one kernel", "x Δ A B C", "y"]];
const SEPARATE = [
  ["discretise", "x Δ A B", "Ā B̄x"],
  ["scan", "Ā B̄x", "h"],
  ["read out", "h C", "y"],
];
const FUSED_BACK = [["one kernel", "x Δ A B C dy", "dx dΔ dA dB dC"]];
const SEPARATE_BACK = [
  ["read out", "h C dy", "dh dC"],
  ["scan", "Ā h dh", "dĀ dB̄x"],
  ["discretise", "x Δ A B Ā dĀ dB̄x", "dx dΔ dA dB"],
];

/** Bytes of every tensor, by name. */
export function sizes({ batch, length, channels, states, size }) {
  const bytes = Number(size);
  const [rows, columns] = [batch * length * channels * bytes, batch * length * states * bytes];
  const state = batch * length * channels * states * bytes;
  const forward = {
    x: rows,
    Δ: rows,
    y: rows,
    B: columns,
    C: columns,
    A: channels * states * bytes,
    Ā: state,
    B̄x: state,
    h: state,
  };
  return Object.assign(
    {},
    forward,
    Object.fromEntries(Object.entries(forward).map(([name, value]) => [`d${name}`, value])),
  );
}

/** Every tensor on its way, in order: [{direction, kernel, tensor, way: "in" | "out", bytes}]. */
export function traffic(setting) {
  const { fused, recompute } = setting;
  let forward = fused ? FUSED : SEPARATE;
  let backward = fused ? FUSED_BACK : SEPARATE_BACK;
  if (fused && !recompute) {
    forward = [["one kernel", "x Δ A B C", "y h"]];
    backward = [["one kernel", "x Δ A B C h dy", "dx dΔ dA dB dC"]];
  }
  if (recompute && !fused) backward = [...SEPARATE.slice(0, 2), ...SEPARATE_BACK];
  const bytes = sizes(setting);
  return [...moves("forward", forward, bytes), ...moves("backward", backward, bytes)];
}

/** Bytes that pass in one direction of training. */
export function moved(setting, direction) {
  return traffic(setting).reduce((sum, move) => sum + (move.direction === direction ? move.bytes : 0), 0);
}

/** Bytes that wait in HBM for the backward, beside inputs and outputs. */
export function kept(setting) {
  if (setting.recompute) return 0;
  const bytes = sizes(setting);
  return setting.fused ? bytes.h : bytes.Ā + bytes["B̄x"] + bytes.h;
}

function moves(direction, kernels, bytes) {
  return kernels.flatMap(([kernel, reads, writes]) => [
    ...reads.split(" ").map((tensor) => ({ direction, kernel, tensor, way: "in", bytes: bytes[tensor] })),
    ...writes.split(" ").map((tensor) => ({ direction, kernel, tensor, way: "out", bytes: bytes[tensor] })),
  ]);
}
