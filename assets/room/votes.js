// How the class has voted: a row of bars that grow while it votes. Students have it once their teacher shows it.

import { el, setText } from "../canvas/dom.js";
import { roomLink } from "./link.js";

class Votes {
  constructor(root) {
    this.list = el("ol", {});
    this.total = el("p", { role: "status" });
    this.element = el("div", { class: "room-votes", hidden: true }, this.list, this.total);
    root.append(this.element);
  }

  configure({ data }) {
    this.data = data;
    const words = JSON.parse(data.options);
    if (words.join("\n") !== this.words) {
      this.words = words.join("\n");
      this.rows = words.map((text) => {
        const [bar, count] = [el("i", { "aria-hidden": true }), el("b", {}, "0")];
        return { bar, count, element: el("li", {}, el("span", {}, text), el("span", { class: "track" }, bar), count) };
      });
      this.list.replaceChildren(...this.rows.map(({ element }) => element));
    }
    if (!this.stop) this.stop = roomLink(data.base).listen((message) => this.hear(message));
    else this.show();
  }

  hear(message) {
    this.message = message;
    this.show();
  }

  show() {
    const asked = this.message?.questions?.[this.data.question];
    const counts = asked?.counts ?? this.rows.map(() => 0);
    this.element.hidden = !this.message?.open || (!this.data.presents && !asked?.shown);
    const total = counts.reduce((sum, count) => sum + count, 0);
    this.rows.forEach(({ bar, count }, i) => {
      bar.style.width = `${(100 * (counts[i] ?? 0)) / Math.max(total, 1)}%`;
      setText(count, String(counts[i] ?? 0));
    });
    const state = asked?.shown ? "shown to the class" : asked?.closed ? "voting is closed" : "";
    const said = `${total} ${total === 1 ? "vote" : "votes"}`;
    setText(this.total, this.data.presents && state ? `${said}, ${state}` : said);
    this.element.dataset.counts = counts.join(",");
  }

  destroy() {
    this.stop?.();
    this.element.remove();
  }
}

export default function mount(component) {
  const { parentElement: root } = component;
  root.ssmvizVotes ??= new Votes(root);
  const votes = root.ssmvizVotes;
  votes.configure(component);
  return () => {
    if ((root.host || root).isConnected) return;
    votes.destroy();
    root.ssmvizVotes = undefined;
  };
}
