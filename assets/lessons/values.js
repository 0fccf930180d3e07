// A lesson's values: what the controls say, what follows from it, and what Python is told of it.

/** Subclasses give `touch(kind)`, which notes a change, and `report(text)`, which tells Python. */
export class Values {
  constructor() {
    this.cache = new Map();
    this.makers = new Map();
  }

  /** What there is to be set, as Python says it (JSON), and what of it is locked. */
  specify(text) {
    this.offered = text;
    this.controls = JSON.parse(text);
    this.locked = this.controls.filter(({ locked }) => locked).map(({ name }) => name);
  }

  /** The server's values of a new page: JSON, and the number of the report that they answer. */
  begin({ values, serial = 0 }) {
    this.told = values;
    this.heard = this.serial = serial; // of the report that the server has answered, and of the last one
    this.adopt(values);
  }

  /** They came again: a link was followed, or they answer a report, and what is here is at least as new. */
  hear({ values, serial = 0 }) {
    if (values === this.told && serial === this.heard) return;
    const answer = serial !== this.heard;
    this.told = values;
    this.heard = serial;
    if (answer || this.holding) return;
    this.adopt(values);
    this.forgetDerived();
    this.touch("values");
  }

  adopt(text) {
    this.values = JSON.parse(text);
    this.reported = JSON.stringify(this.values);
  }

  /** Changes values and redraws. What is locked stays as it is. */
  set(change) {
    const locked = Object.fromEntries((this.locked ?? []).map((name) => [name, this.values[name]]));
    this.values = { ...this.values, ...change, ...locked };
    this.changedAt = performance.now();
    this.forgetDerived();
    this.touch("values");
  }

  /** Tells Python what the values are now, if that is news. */
  commit() {
    if (this.holding) return;
    const text = JSON.stringify(this.values);
    if (text === this.reported) return;
    this.reported = text;
    this.serial += 1;
    this.report(JSON.stringify({ serial: this.serial, values: this.values }));
  }

  /** Something is held by the pointer: values are reported when it is let go. */
  hold(held) {
    this.holding = held;
    if (!held) this.commit();
  }

  /** `stage.derived.name` is from now on `compute(values, stage)`, computed at most once per change of the values. */
  derive(name, compute) {
    this.makers.set(name, compute);
    return this;
  }

  get derived() {
    this.proxy ??= new Proxy({}, { get: (_, name) => this.computed(name) });
    return this.proxy;
  }

  computed(name) {
    if (!this.cache.has(name)) {
      const make = this.makers.get(name);
      if (!make) throw new Error(`nothing derives ${String(name)}`);
      this.cache.set(name, make(this.values, this));
    }
    return this.cache.get(name);
  }

  /** Of all that is derived, or of these names alone. */
  forgetDerived(...names) {
    if (!names.length) this.cache.clear();
    for (const name of names) this.cache.delete(name);
  }
}
