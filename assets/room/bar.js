// The bar of a class: where the presenter is, and the way there. It tells Python when a page must run again.

import { el, setText } from "../canvas/dom.js";
import { roomLink } from "./link.js";

const FOLLOWS = "ssmviz-room-follows"; // in this tab: the room that is followed without a click
const FOLLOWED = "ssmviz-room-followed"; // in this tab: the last move that was followed, "3.12"
const SPREAD = 800; // ms over which a class's pages run again

class Bar {
  constructor(root) {
    this.words = el("span", { class: "words", role: "status" });
    this.follow = el("button", { type: "button", onclick: () => this.go() }, "Follow");
    this.always = el("input", { type: "checkbox", onchange: () => this.choose() });
    this.auto = el("label", {}, this.always, "follow always");
    this.element = el("div", { class: "room-bar" }, this.words, this.follow, this.auto);
    root.append(this.element);
  }

  configure({ data, setTriggerValue }) {
    this.data = data;
    this.tell = setTriggerValue;
    if (!this.stop) this.stop = roomLink(data.base).listen((message) => this.hear(message));
    else {
      roomLink(data.base).connect();
      this.show();
    }
  }

  hear(message) {
    this.message = message;
    this.show();
    const { data } = this;
    const stale = !message.open || message.room !== data.room || message.version > data.version;
    if (stale) this.runAgain(message.open ? `${message.room}.${message.version}` : "closed");
    else this.asked = undefined;
    if (message.open && !data.presents && this.follows && this.ahead) this.go();
  }

  /** Once for every change that this page was not made for. */
  runAgain(change) {
    if (this.asked === change) return;
    this.asked = change;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell("changed", change), SPREAD * Math.random());
  }

  /** The move that the presenter has made and this tab has not. */
  get ahead() {
    const { open, link } = this.message ?? {};
    return Boolean(open && link) && sessionStorage.getItem(FOLLOWED) !== this.move;
  }

  get move() {
    return `${this.message.room}.${this.message.link.serial}`;
  }

  get follows() {
    return sessionStorage.getItem(FOLLOWS) === String(this.message?.room);
  }

  go() {
    sessionStorage.setItem(FOLLOWED, this.move);
    this.tell("follow", this.move);
    this.show();
  }

  choose() {
    if (this.always.checked) sessionStorage.setItem(FOLLOWS, this.message.room);
    else sessionStorage.removeItem(FOLLOWS);
    if (this.follows && this.ahead) this.go();
  }

  show() {
    const { message, data } = this;
    const { link, open, here = 0, people = 0 } = message ?? {};
    const where = link ? link.title : "the presenter shows no page yet";
    const class_ = `In class: ${where}`;
    const theirs = `${here} of ${people} here`;
    setText(this.words, !open ? "The room is closed." : data.presents ? theirs : class_);
    this.auto.hidden = !open || Boolean(data.presents);
    this.follow.hidden = this.auto.hidden || !link;
    this.follow.classList.toggle("news", this.ahead);
    this.always.checked = this.follows;
    this.element.dataset.people = people;
    this.element.dataset.link = link?.serial ?? "";
  }

  destroy() {
    clearTimeout(this.timer);
    this.stop?.();
    this.element.remove();
  }
}

export default function mount(component) {
  const { parentElement: root } = component;
  root.ssmvizBar ??= new Bar(root);
  const bar = root.ssmvizBar;
  bar.configure(component);
  return () => {
    if ((root.host || root).isConnected) return;
    bar.destroy();
    root.ssmvizBar = undefined;
  };
}
