// Small builders for the page: elements, icons, buttons. Text only ever enters through textContent.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; `on*` attributes are listeners, strings become text nodes. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** Where a pointer is on an element, in the element's own pixels: large type (`--ssm-zoom`) magnifies them. */
export function placeOn(node, { clientX, clientY }) {
  const box = node.getBoundingClientRect();
  const zoom = box.width / node.offsetWidth || 1;
  return [(clientX - box.left) / zoom, (clientY - box.top) / zoom];
}

/** Sets text only when it differs, so that screen readers and selections are left in peace. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Paths on a 16 x 16 grid. */
const ICONS = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  step: "M3 2.5v11l7-5.5zM11 2.5h2.5v11H11z",
  stop: "M3 3h10v10H3z",
  restart: "M8 2a6 6 0 1 0 5.7 4.1l-1.7.6A4.2 4.2 0 1 1 8 3.8V6l4-3-4-3z",
  resume: "M2.5 2.5v11h2v-11zM6 2.5v11l8-5.5z",
  live: "M8 5a3 3 0 1 0 0 6 3 3 0 0 0 0-6zM2.6 2.6 1.3 1.3a9.5 9.5 0 0 0 0 13.4l1.3-1.3a7.6 7.6 0 0 1 0-10.8zM13.4 2.6l1.3-1.3a9.5 9.5 0 0 1 0 13.4l-1.3-1.3a7.6 7.6 0 0 0 0-10.8z",
  back: "M10.5 2.5 5 8l5.5 5.5L12 12 8 8l4-4z",
  forward: "M5.5 2.5 4 4l4 4-4 4 1.5 1.5L11 8z",
  plus: "M7 3h2v4h4v2H9v4H7V9H3V7h4z",
  minus: "M3 7h10v2H3z",
  save: "M7 2h2v6h2.5L8 11.5 4.5 8H7zM3 12h10v2H3z",
  reset: "M2 2v12h1.8V2zM13 3 6 8l7 5z",
  star: "M8 1.5l2 4.3 4.7.6-3.5 3.2.9 4.7L8 12l-4.1 2.3.9-4.7L1.3 6.4 6 5.8z",
  whole: "M2 4v8h1.6V4zM12.4 4v8H14V4zM4.5 8l3-2.6v1.8h1V5.4l3 2.6-3 2.6V8.8h-1v1.8z",
};

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of [
    ["viewBox", "0 0 16 16"],
    ["aria-hidden", "true"],
    ["class", "icon"],
  ])
    svg.setAttribute(key, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** A button of an icon and words. `small` shows the icon alone; its words stay as accessible name and tooltip. */
export function button(name, words, onclick, { small = false, ...attributes } = {}) {
  const label = el("span", { class: small ? "sr" : "words" }, words);
  return el(
    "button",
    { type: "button", class: small ? "button small" : "button", title: small ? words : false, onclick, ...attributes },
    icon(name),
    label,
  );
}

/** Changes what a button shows without replacing it (focus stays). */
export function relabel(node, name, words) {
  const label = node.lastChild;
  if (label.textContent === words) return;
  label.textContent = words;
  node.firstChild.replaceWith(icon(name));
}

/** A button that cannot act stays focusable and says why. */
export function allow(node, reason) {
  const refused = Boolean(reason);
  if (node.getAttribute("aria-disabled") !== String(refused)) node.setAttribute("aria-disabled", String(refused));
  if (refused) node.title = reason;
  else node.removeAttribute("title");
}

export function isAllowed(node) {
  return node.getAttribute("aria-disabled") !== "true";
}

/** A button whose work is begun again only once it has ended. */
export function acting(name, words, work) {
  const act = async () => {
    if (!isAllowed(node) || node.getAttribute("aria-busy") === "true") return;
    node.setAttribute("aria-busy", "true");
    await work();
    node.removeAttribute("aria-busy");
  };
  const node = button(name, words, act, { "data-action": name });
  return node;
}

/** A row of exclusive choices: native radio buttons, so that the keyboard works as everywhere. */
export function choice(legend, name, options, value, onchange) {
  const set = el("fieldset", { class: "choice" }, el("legend", {}, legend));
  for (const [key, words] of options) {
    const input = el("input", {
      type: "radio",
      name,
      value: key,
      checked: String(key) === String(value),
      onchange: () => onchange(key),
    });
    set.append(el("label", {}, input, el("span", {}, words)));
  }
  return set;
}

/** Marks `value` in a row of choices. */
export function choose(set, value) {
  for (const input of set.querySelectorAll("input")) input.checked = input.value === String(value);
}

let serial = 0;

/** A name no other element of the page has. */
export function uniqueName(prefix) {
  serial += 1;
  return `${prefix}-${serial}-${Math.random().toString(36).slice(2, 8)}`;
}
