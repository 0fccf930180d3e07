// The tree that brackets make of the tokens (ListOps), with what every list comes to: small enough to check by hand.

import { el } from "../canvas/dom.js";

const SVG = "http://www.w3.org/2000/svg";
const [WIDE, HIGH] = [30, 38]; // of a leaf's column, of a level
const BOX = 22; // height of a node
const COMES_TO = {
  MIN: (values) => Math.min(...values),
  MAX: (values) => Math.max(...values),
  MED: (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    return Math.trunc((sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2);
  },
  SM: (values) => values.reduce((sum, value) => sum + value, 0) % 10,
};

/**
 * The tree of a list: { t, end, name, value, children }, leaves without name; null where the tokens make none.
 *
 * read(token): { label, kind }; operators: label -> name.
 */
export function treeOf(tokens, read, operators) {
  const open = [];
  let root = null;
  for (const [t, id] of Array.from(tokens).entries()) {
    const { label, kind } = read(id);
    if (kind === "noise") {
      if (open.length || root) return null;
      continue;
    }
    if (root) return null;
    if (kind === "open") {
      open.push({ t, name: operators[label], children: [] });
      continue;
    }
    if (!open.length) return null;
    if (kind === "data") {
      open.at(-1).children.push({ t, end: t, value: Number(label), children: [] });
      continue;
    }
    const node = open.pop();
    if (!node.children.length) return null;
    node.end = t;
    node.value = COMES_TO[node.name](node.children.map((child) => child.value));
    if (open.length) open.at(-1).children.push(node);
    else root = node;
  }
  return open.length ? null : root;
}

/** Puts every node in its place: leaves side by side, a list above the middle of what it holds. Returns all nodes. */
export function laidOut(root) {
  const nodes = [];
  let leaves = 0;
  const place = (node, level) => {
    node.level = level;
    for (const child of node.children) place(child, level + 1);
    const { children } = node;
    node.x = children.length ? (children[0].x + children.at(-1).x) / 2 : leaves++;
    nodes.push(node);
  };
  place(root, 0);
  return { nodes, leaves, levels: 1 + Math.max(...nodes.map((node) => node.level)) };
}

/** In words: "MAX of 2, 9 is 9". */
export function spoken(node) {
  if (!node.name) return String(node.value);
  return `${node.name} of ${node.children.map(spoken).join(", ")} is ${node.value}`;
}

/** Of the sequence that is read; pointing at a node points at its bracket. */
export class Tree {
  constructor(lab) {
    this.lab = lab;
    this.needs = new Set(["frame", "cursor", "all"]);
    this.picture = shape("svg", { role: "img", style: "display: block; max-width: 100%; height: auto" });
    const names = Object.entries(lab.store.record.operators);
    this.words = el(
      "figcaption",
      { style: "font-size: 12.5px; color: var(--faint)" },
      `What the brackets mean. ${names.map(([label, name]) => `${label} ${name}`).join(", ")}; ` +
        "MED is the middle value, rounded down; SM the sum modulo 10. Small: what a list comes to.",
    );
    this.element = el("figure", { class: "tree", style: "margin: 0 0 12px" }, this.picture, this.words);
  }

  update() {
    const { store, view } = this.lab;
    const tokens = view.frame(0)?.tokens;
    if (!tokens) return;
    const key = tokens.join();
    if (key !== this.key) this.draw(treeOf(tokens, (id) => store.token(id), store.record.operators));
    this.key = key;
    for (const { node, box } of this.boxes) {
      const here = view.cursor === node.t || view.cursor === node.end;
      box.setAttribute("stroke-width", here ? 2.5 : 1);
    }
  }

  draw(root) {
    this.boxes = [];
    this.element.hidden = !root;
    if (!root) return;
    const { nodes, leaves, levels } = laidOut(root);
    const [width, height] = [leaves * WIDE + 40, levels * HIGH];
    set(this.picture, { viewBox: `0 0 ${width} ${height}`, width, height, "aria-label": spoken(root) });
    const x = (node) => 20 + (node.x + 0.5) * WIDE;
    const y = (node) => (node.level + 0.5) * HIGH;
    const line = (from, to) => ({ x1: x(from), y1: y(from) + BOX / 2, x2: x(to), y2: y(to) - BOX / 2 });
    const lines = nodes.flatMap((node) =>
      node.children.map((child) => shape("line", { ...line(node, child), stroke: "currentColor", opacity: 0.45 })),
    );
    this.picture.replaceChildren(...lines, ...nodes.map((node) => this.node(node, x(node), y(node))));
  }

  node(node, x, y) {
    const wide = node.name ? 58 : BOX;
    const box = shape("rect", { x: x - wide / 2, y: y - BOX / 2, width: wide, height: BOX, rx: 4 });
    set(box, { fill: "var(--paper, transparent)", stroke: "currentColor" });
    const text = shape("text", { x, y, "text-anchor": "middle", "dominant-baseline": "central" });
    set(text, { fill: "currentColor", "font-size": 13 });
    text.append(node.name ?? String(node.value));
    if (node.name) {
      const value = shape("tspan", { dx: 5, "font-size": 11, opacity: 0.75 });
      value.append(`= ${node.value}`);
      text.append(value);
    }
    const group = shape("g", {});
    group.append(box, text);
    group.addEventListener("pointerenter", () => this.lab.view.setCursor(node.t));
    this.boxes.push({ node, box });
    return group;
  }
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  set(node, attributes);
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}
