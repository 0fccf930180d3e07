// Which pictures can be seen. Those that cannot are drawn when they come into sight, or when there is time.

const NEARLY = "100px"; // around what can be seen: a picture is drawn a little before it comes into sight

export class Sight {
  /** `appeared()` is called when a picture that is not up to date came into sight. */
  constructor(views, appeared) {
    this.owed = new Map(views.map((view) => [view, new Set()])); // changes that a view has not drawn yet
    this.appeared = appeared;
    this.eyes = new IntersectionObserver((entries) => this.look(entries), { rootMargin: NEARLY, scrollMargin: NEARLY });
    for (const view of views) this.eyes.observe(view.canvas);
  }

  /** How large the pictures are, and which of them can be seen. */
  measure() {
    for (const view of this.owed.keys()) view.measure();
    for (const view of this.owed.keys()) {
      const { top, bottom } = view.canvas.getBoundingClientRect();
      view.seen = top < window.innerHeight && bottom > 0;
    }
  }

  look(entries) {
    const seen = new Map(entries.map(({ target, isIntersecting }) => [target, isIntersecting]));
    for (const [view, owed] of this.owed) {
      view.seen = seen.get(view.canvas) ?? view.seen;
      if (view.seen && owed.size) this.appeared();
    }
  }

  /** Draws what the changes concern, as far as it can be seen. */
  draw(changes) {
    for (const [view, owed] of this.owed) {
      for (const kind of changes) if (view.needs.has(kind)) owed.add(kind);
      if (view.seen) pay(view, owed);
    }
  }

  /** Draws the others, too, and gives all of them their words. */
  rest() {
    for (const [view, owed] of this.owed) {
      pay(view, owed);
      if (view.size) view.label();
    }
  }

  disconnect() {
    this.eyes.disconnect();
  }
}

function pay(view, owed) {
  if (!owed.size) return;
  view.render(owed);
  owed.clear();
}
