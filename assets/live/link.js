// The wire: the experiment's words, its live socket, its history, its controls. Format: ssmviz/live/__init__.py.

import { experimentPath, FIRST_FRAMES, framesPath, taken } from "./ahead.js";
import { splitHistory, splitMessage } from "./frame.js";

const FIRST_WAIT = 500; // ms before the first reconnection; doubled each time
const LONGEST_WAIT = 10_000;
const FILL_EVERY = 4_000; // ms between looks at missing history while training
const SETTLED = 4000;
const REFUSED = new Map([
  [4003, "the server refuses this page's origin"],
  [4004, "the server does not know this experiment"],
]);

/**
 * Speaks to the server about one experiment and fills `store`. Calls
 *   on.state(name, words)  loading | live | settled | offline | error
 *   on.changed()           words, numbers or history are new
 *   on.frame(run, elsewhere)  a live frame of that run arrived, which others may draw, too; answer with `ack(run)`
 */
export class Link {
  constructor(store, { base, experiment }, on) {
    this.store = store;
    this.path = experimentPath(base, experiment);
    this.base = base;
    this.experiment = experiment;
    this.on = on;
    this.wait = FIRST_WAIT;
    this.aborter = new AbortController();
    this.filling = false;
  }

  url(path) {
    return new URL(path, window.location.origin);
  }

  /** Reads the experiment; follows it live unless nothing will change any more. */
  async open() {
    if (this.closed) return;
    this.on.state(this.store.record ? "offline" : "loading", "");
    try {
      const early = this.store.record ? null : await taken(this.base, this.experiment);
      if (this.closed) return;
      if (early) this.takeEarly(early);
      else this.take(await this.json(this.path));
    } catch (error) {
      if (this.closed) return;
      if (error.final) this.on.state("error", error.message);
      else this.later(error.message);
      return;
    }
    if (this.store.record.settled) this.settle();
    else this.connect();
  }

  take(record) {
    this.store.hello(record);
    this.on.changed();
  }

  /** Words and first frames at once: one drawing shows both. */
  takeEarly({ record, histories }) {
    this.store.hello(record);
    histories.forEach((bytes, i) => {
      for (const { step, bytes: frame } of splitHistory(bytes)) this.store.runs[i].addFrame(step, frame);
    });
    this.on.changed();
  }

  settle() {
    this.hangUp();
    this.on.state("settled", "");
    this.fill();
  }

  connect() {
    if (this.closed || this.socket) return;
    const url = this.url(`${this.path}/live`);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onmessage = ({ data }) => this.socket === socket && this.receive(data);
    socket.onclose = ({ code }) => this.socket === socket && this.lost(code);
  }

  receive(data) {
    try {
      if (typeof data === "string") this.words(JSON.parse(data));
      else this.frame(data);
    } catch (error) {
      this.on.state("offline", `a message could not be read: ${error.message}`);
      this.socket?.close();
    }
  }

  words(message) {
    if (message.type === "hello") {
      this.take(message);
      this.on.state("live", "");
      this.fill();
    } else if (message.type === "update" && this.store.record) {
      this.store.update(message);
      this.on.changed();
      if (message.settled) this.settle();
      else this.fillSoon();
    }
  }

  frame(buffer) {
    const { run, step, bytes } = splitMessage(buffer);
    if (!this.store.runs[run]) throw new Error(`a frame of run ${run}, which is not in this experiment`);
    const { record } = this.store;
    this.store.runs[run].addFrame(step, bytes);
    const frame = new CustomEvent("ssmviz:frame", { cancelable: true, detail: { record, run, bytes } });
    const elsewhere = !window.dispatchEvent(frame); // a lesson draws it, too
    this.wait = FIRST_WAIT;
    this.on.frame(run, elsewhere);
  }

  ack(run) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ type: "ack", run }));
  }

  lost(code) {
    this.socket = null;
    if (this.closed) return;
    if (code === SETTLED) this.refresh();
    else if (REFUSED.has(code)) this.on.state("error", REFUSED.get(code));
    else this.later(code === 4009 ? "too many viewers" : "connection lost");
  }

  /** The end of a run may have been told by the close alone: read the last words once more. */
  async refresh() {
    try {
      this.take(await this.json(this.path));
      this.settle();
    } catch (error) {
      if (!this.closed) this.on.state("error", error.message);
    }
  }

  later(reason) {
    this.on.state("offline", `${reason}; trying again in ${Math.ceil(this.wait / 1000)} s`);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.open(), this.wait);
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  fillSoon() {
    this.fillTimer ??= setTimeout(() => {
      this.fillTimer = undefined;
      this.fill();
    }, FILL_EVERY);
  }

  /** Downloads the frames that the socket skipped, so that scrubbing never asks the server. */
  async fill() {
    if (this.filling || this.closed) return;
    this.filling = true;
    try {
      const fresh = this.store.runs.filter((run) => !run.steps.length);
      await Promise.all(fresh.map((run) => this.fillRun(run, FIRST_FRAMES)));
      for (const run of this.store.runs) await this.fillRun(run);
    } catch {
      this.on.changed(); // what is here stays usable; the next connection tries again
    } finally {
      this.filling = false;
    }
  }

  /** All that is missing, or `most` frames of it. */
  async fillRun(run, most) {
    let after = (run.missing ?? Infinity) - 1;
    for (let more = Number.isFinite(after); more;) {
      const response = await this.ask(framesPath(this.base, run.record.id, after, most));
      const found = splitHistory(new Uint8Array(await response.arrayBuffer()));
      if (this.closed || !found.length) return;
      // A live frame of the same step is as new or newer (the probe may have been edited since).
      for (const { step, bytes } of found) if (!run.bytes.has(step)) run.addFrame(step, bytes);
      after = found.at(-1).step;
      more = !most && response.headers.get("X-More") === "1";
      this.on.changed();
    }
  }

  /** Sends one control; the answer's control is taken over at once. Throws the server's sentence when refused. */
  async control(action) {
    const answer = await this.json(`${this.path}/control`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(action),
    });
    if (answer.experiment === this.store.record.id && answer.control) {
      this.store.record.control = answer.control;
      this.on.changed();
    }
    return answer;
  }

  async json(path, options) {
    return (await this.ask(path, options)).json();
  }

  async ask(path, options = {}) {
    const response = await fetch(this.url(path), { ...options, signal: this.aborter.signal });
    if (response.ok) return response;
    const said = await response.json().then(
      (body) => body.error,
      () => undefined,
    );
    const error = new Error(said ?? `the server answered ${response.status}`);
    error.final = response.status >= 400 && response.status < 500;
    throw error;
  }

  /** Ends the socket and the timers, keeps what is known. */
  hangUp() {
    clearTimeout(this.timer);
    clearTimeout(this.fillTimer);
    this.fillTimer = undefined;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  close() {
    this.closed = true;
    this.on = { state() {}, changed() {}, frame() {} }; // answers still on their way are about what is shown no more
    this.hangUp();
    this.aborter.abort();
  }
}
