// A view of a lesson: what plots, matrices, bars and tokens share. Things in it may be taken hold of, with mouse, pen,
// finger or keyboard.

import { el, placeOn } from "./dom.js";
import { columnAt, GUTTER, MARGIN } from "./draw.js";
import { View } from "./view.js";

const NEAR = { mouse: 12, pen: 14, touch: 24 }; // px around a handle that take hold of it

/**
 * Subclasses give `box`, and may give
 *   `grab(x, y, near)`: what lies under the pointer and can be taken hold of, or undefined;
 *   `drag(held, x, y)`: it has moved; `drop(held)`: it was let go;
 *   `point(x, y)`: the pointer is there, nothing is held.
 * A picture is painted anew when the values change. The cursor and the clock only redraw what lies over it, unless
 * options.follows names them: ["cursor", "clock"].
 */
export class Figure extends View {
  constructor(stage, options) {
    const follows = options.follows ?? [];
    super(stage, { ...options, height: options.height ?? 180, needs: ["values", "cursor", "clock"], over: ["clock"] });
    for (const kind of follows) this.over.delete(kind);
    this.stage = stage;
    this.options = options;
    this.legend = el("span", { class: "keys" });
    this.caption.insertBefore(this.legend, this.noteNode);
    this.canvas.classList.toggle("still", !options.handles && !options.control && !options.press);
  }

  listen() {
    const { canvas } = this;
    const place = (event) => placeOn(canvas, event);
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button > 0 || !this.size) return; // not drawn yet: it has just come into sight
      const [x, y] = place(event);
      this.held = this.grab?.(x, y, NEAR[event.pointerType] ?? NEAR.mouse);
      if (this.held === undefined) return void this.point?.(x, y);
      canvas.setPointerCapture(event.pointerId);
      canvas.classList.add("holding");
      this.stage.hold(true);
      this.drag?.(this.held, x, y);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.size) return;
      const [x, y] = place(event);
      if (this.held !== undefined) {
        for (const at of event.getCoalescedEvents?.() ?? []) this.trace?.(this.held, ...place(at));
        this.drag?.(this.held, x, y);
      } else {
        const near = this.grab?.(x, y, NEAR[event.pointerType] ?? NEAR.mouse);
        canvas.classList.toggle("over", near !== undefined);
        this.hovered = near;
        this.point?.(x, y);
      }
    });
    const end = () => {
      if (this.held === undefined) return;
      const { held } = this;
      this.held = undefined;
      canvas.classList.remove("holding");
      this.drop?.(held);
      this.stage.hold(false);
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("pointerleave", () => {
      if (this.held === undefined) this.away?.();
    });
    // a finger that takes hold of something moves it; anywhere else it scrolls the page
    canvas.addEventListener(
      "touchstart",
      (event) => {
        const [touch] = event.changedTouches;
        if (this.grab?.(...place(touch), NEAR.touch) !== undefined) event.preventDefault();
      },
      { passive: false },
    );
    canvas.addEventListener("focus", () => this.stage.touch("cursor"));
    canvas.addEventListener("blur", () => this.stage.touch("cursor"));
    canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (!this.key?.(event)) return;
      event.preventDefault();
      event.stopPropagation();
    });
    canvas.addEventListener("keyup", (event) => {
      if (event.key.startsWith("Arrow")) this.stage.commit();
    });
  }

  get focused() {
    return this.canvas.matches(":focus");
  }

  /** Names, colours and line styles beside the title; rebuilt only when they change. */
  showKeys(keys) {
    const words = JSON.stringify(keys);
    if (words === this.keysShown) return;
    this.keysShown = words;
    this.legend.replaceChildren(
      ...keys.map(({ name, colour, dash, dots }) =>
        el(
          "span",
          { class: "key" },
          el("i", {
            class: dots ? "dot" : "stroke",
            style: dots ? `background:${colour}` : `border-top:2.5px ${dash ? "dashed" : "solid"} ${colour}`,
          }),
          name,
        ),
      ),
    );
  }

  note() {
    return this.options.note?.(this.stage) ?? "";
  }

  describe() {
    return this.options.describe?.(this.stage) ?? this.inWords?.() ?? "";
  }

  rows() {
    return this.options.rows?.(this.stage) ?? this.table();
  }
}

/** A figure with a column per token, which pointer and arrow keys point at. Subclasses give `count`, how many there are. */
export class TokenFigure extends Figure {
  get box() {
    return { left: GUTTER, right: this.size.width - MARGIN, top: 4, bottom: this.size.height - 4 };
  }

  /** The token at a pixel. */
  column(x) {
    return columnAt(this.stage.edges(this.box, this.count), x);
  }

  point(x) {
    if (this.size && x >= GUTTER - 6) this.stage.setCursor(this.column(x));
  }

  key(event) {
    return this.stage.cursorKey(event, this.count);
  }
}
