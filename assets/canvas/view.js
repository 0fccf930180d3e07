// A view: a caption, a canvas that repaints only what changed, a text alternative, and two ways to save it.

import { el, icon, placeOn, setText } from "./dom.js";
import { fileName, toCsv } from "./words.js";

const OVERLAY = ["cursor", "hover"]; // changes that leave every view's painted base as it is

/**
 * `lab` is whatever the view belongs to: it has a `theme` and a `stamp` for names of files.
 * Subclasses give `paint(g, size)`, and may give `overlay(g, size)`, `describe()`, `rows()`, `note()`, `hover(x, y)`,
 * `press(x, y, dragging)`, `release(x, y)`, `leave()`, `whole()` (a double click) and `key(event)`. Sizes are CSS pixels.
 */
export class View {
  /**
   * `needs`: the kinds of change after which this view draws (frame metrics channel axes stretch cursor hover);
   * `over`: those of them that only move what lies over the painted base.
   */
  constructor(lab, { title, symbol, name, height, needs, over = [], square = false }) {
    this.lab = lab;
    this.name = name;
    this.height = height;
    this.square = square;
    this.needs = new Set([...needs, "all"]);
    this.over = new Set([...OVERLAY, ...over]);
    this.title = title;
    this.canvas = el("canvas", { role: "img", tabindex: 0 });
    this.noteNode = el("span", { class: "note" });
    const mark = symbol ? el("span", { class: `symbol symbol-${symbol[0]}` }, symbol[1]) : null;
    const words = el("span", { class: "title" }, mark, mark ? " " : null, title);
    this.caption = el("figcaption", {}, words, this.noteNode, this.menu());
    this.element = el("figure", { class: `view view-${name}` }, this.caption, this.canvas);
    this.listen();
  }

  menu() {
    const item = (words, act) =>
      el(
        "button",
        {
          type: "button",
          onclick: () => {
            act();
            menu.open = false;
            menu.firstChild.focus();
          },
        },
        words,
      );
    const summary = el("summary", { "aria-label": `Save "${this.title}"`, title: "Save" }, icon("save"));
    const menu = el(
      "details",
      { class: "menu" },
      summary,
      el(
        "div",
        {},
        item("PNG", () => this.savePng()),
        item("CSV", () => this.saveCsv()),
      ),
    );
    menu.addEventListener("focusout", ({ relatedTarget }) => {
      if (!menu.contains(relatedTarget)) menu.open = false;
    });
    menu.addEventListener("keydown", ({ key }) => {
      if (key === "Escape") menu.open = false;
    });
    return menu;
  }

  listen() {
    const place = (event) => placeOn(this.canvas, event);
    this.canvas.addEventListener("pointermove", (event) => {
      if (event.pressure > 0 && event.pointerType === "mouse") this.press?.(...place(event), true);
      this.hover?.(...place(event));
    });
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") this.canvas.setPointerCapture(event.pointerId);
      this.hover?.(...place(event));
      this.press?.(...place(event), false);
    });
    this.canvas.addEventListener("pointerup", (event) => this.release?.(...place(event)));
    this.canvas.addEventListener("pointercancel", () => this.leave?.());
    this.canvas.addEventListener("pointerleave", () => this.leave?.());
    this.canvas.addEventListener("dblclick", () => this.whole?.());
    this.canvas.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      if (this.key?.(event)) event.preventDefault();
    });
  }

  /** Width and height in CSS pixels; reading them once per layout is the lab's job. */
  measure() {
    const width = Math.round(this.canvas.parentElement.clientWidth);
    this.size = {
      width,
      height: this.square ? Math.min(width, this.height) : this.height,
      ratio: (window.devicePixelRatio || 1) * (this.canvas.currentCSSZoom ?? 1),
    };
    fit(this.canvas, width * this.size.ratio, this.size.height * this.size.ratio);
    const high = `${this.size.height}px`;
    if (this.canvas.style.height !== high) this.canvas.style.height = high; // a write makes the next view's width dear
  }

  /**
   * Paints anew what `changes` made stale. Where they only move what lies over the picture, it is painted once more, off
   * screen, and copied from there; while the picture itself changes (a drag), nothing is copied.
   */
  render(changes) {
    if (!this.size?.width) return;
    const stale = !this.painted || [...changes].some((kind) => this.needs.has(kind) && !this.over.has(kind));
    if (stale) {
      this.onto(this.canvas);
      setText(this.noteNode, this.note?.() ?? "");
      this.painted = true;
      this.fresh = false;
    } else this.copyBase();
    if (!this.overlay) return;
    const g = this.canvas.getContext("2d");
    g.save();
    g.setTransform(this.size.ratio, 0, 0, this.size.ratio, 0, 0);
    this.overlay(g, this.size);
    g.restore();
  }

  onto(canvas) {
    const g = canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, canvas.width, canvas.height);
    g.save();
    g.setTransform(this.size.ratio, 0, 0, this.size.ratio, 0, 0);
    g.font = `11px ${this.lab.theme.font}`;
    g.textBaseline = "middle";
    g.lineJoin = "round";
    this.paint(g, this.size);
    g.restore();
  }

  copyBase() {
    if (!this.fresh) {
      this.base ??= document.createElement("canvas");
      fit(this.base, this.canvas.width, this.canvas.height);
      this.onto(this.base);
      this.fresh = true;
    }
    const g = this.canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.globalCompositeOperation = "copy";
    g.drawImage(this.base, 0, 0);
    g.globalCompositeOperation = "source-over";
  }

  /** The text alternative, from the data that is drawn. */
  label() {
    const words = `${this.title}. ${this.describe?.() ?? ""}`;
    if (this.canvas.getAttribute("aria-label") !== words) this.canvas.setAttribute("aria-label", words);
  }

  file(extension) {
    return `${fileName("ssmviz", this.owner ?? "", this.name, this.lab.stamp)}.${extension}`;
  }

  savePng() {
    const out = document.createElement("canvas");
    [out.width, out.height] = [this.canvas.width, this.canvas.height];
    const g = out.getContext("2d");
    g.fillStyle = this.lab.theme.background;
    g.fillRect(0, 0, out.width, out.height);
    g.drawImage(this.canvas, 0, 0);
    out.toBlob((blob) => download(blob, this.file("png")));
  }

  saveCsv() {
    download(new Blob([toCsv(this.rows())], { type: "text/csv" }), this.file("csv"));
  }
}

function fit(canvas, width, height) {
  const [w, h] = [Math.round(width), Math.round(height)];
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
}

function download(blob, name) {
  const link = el("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
