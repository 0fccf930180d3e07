// What is likely to be shown next, asked for before anybody wants it: an experiment's words and its first frames.

export const FIRST_FRAMES = 6; // of each run: enough to begin a replay with

const asked = new Map(); // address -> promise of {text, histories}, or of null where that cannot be had

export function experimentPath(base, experiment) {
  return `${base}/api/experiments/${encodeURIComponent(experiment)}`;
}

export function framesPath(base, run, after, most) {
  return `${base}/api/runs/${encodeURIComponent(run)}/frames?after=${after}${most ? `&most=${most}` : ""}`;
}

/** Begins to fetch what never changes: recordings, and finished runs. */
export function ahead(base, experiment) {
  const path = experimentPath(base, experiment);
  if (!asked.has(path)) {
    asked.set(
      path,
      get(base, path).catch(() => null),
    );
  }
}

/**
 * For a page that has just begun to load: what its address names, `?run=` or the task chosen, is fetched already. Not
 * every task has a recording: `recorded` names those that do.
 */
export function begin(base, parameter, preset, recorded) {
  const query = new URLSearchParams(window.location.search);
  const task = (query.get(parameter) ?? preset).replaceAll(" ", "_");
  const experiment = query.get("run") ?? (recorded.includes(task) ? task : null);
  if (experiment) ahead(base, experiment);
}

/** {record, histories: packed first frames per run}, or null: then ask the server. */
export async function taken(base, experiment) {
  const path = experimentPath(base, experiment);
  const found = await asked.get(path);
  if (!found) return null;
  const record = JSON.parse(found.text); // whoever takes it may change it
  if (!record.recorded) asked.delete(path); // a run of one's own can be resumed or deleted
  return { record, histories: found.histories };
}

async function get(base, path) {
  const text = await (await ask(path)).text();
  const { settled, runs } = JSON.parse(text);
  if (!settled) return null;
  const histories = runs.map(async ({ id }) => {
    const answer = await ask(framesPath(base, id, -1, FIRST_FRAMES));
    return new Uint8Array(await answer.arrayBuffer());
  });
  return { text, histories: await Promise.all(histories) };
}

async function ask(path) {
  const answer = await fetch(new URL(path, window.location.origin));
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer;
}
