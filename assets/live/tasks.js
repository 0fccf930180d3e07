// The choice of a task. The live view of the same page hears of it first, the server once the picture has changed: what
// the server sends back redraws much of the page, and the picture would wait for that. Where there are many, the first
// that can be shown at once are buttons, and a list holds the rest.

const PATIENCE = 400; // ms until the server is told in any case
const MANY = 6;

export default function ({ parentElement: root, data, setTriggerValue }) {
  let group = root.querySelector(".tasks");
  const names = data.options.map(({ name }) => name).join();
  if (group?.dataset.names !== names) {
    group?.remove();
    group = document.createElement("fieldset");
    group.className = "tasks";
    group.dataset.names = names;
    group.append(Object.assign(document.createElement("legend"), { textContent: data.legend }));
    const shown = data.options.filter(({ recording }) => recording || data.options.length <= MANY).slice(0, MANY);
    const listed = data.options.filter((option) => !shown.includes(option));
    for (const { name, words } of shown) {
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "task", value: name });
      const text = Object.assign(document.createElement("span"), { textContent: words });
      const label = document.createElement("label");
      label.append(input, text);
      group.append(label);
    }
    if (listed.length) group.append(list(listed));
    root.append(group);
  }
  for (const input of group.querySelectorAll("input")) input.checked = input.value === data.chosen;
  const select = group.querySelector("select");
  if (select) {
    select.value = data.chosen;
    if (select.selectedIndex < 0) select.value = "";
    select.classList.toggle("chosen", select.value !== "");
  }
  group.onchange = ({ target }) => {
    const { recording } = data.options.find(({ name }) => name === target.value);
    let tell = () => {
      tell = () => {};
      setTriggerValue("task", target.value);
    };
    setTimeout(() => tell(), recording ? PATIENCE : 0);
    const detail = { view: data.view, experiment: recording, shown: () => tell() };
    if (recording) window.dispatchEvent(new CustomEvent("ssmviz:open", { detail }));
  };
}

/** The others. */
function list(options) {
  const select = Object.assign(document.createElement("select"), { ariaLabel: "More tasks" });
  select.append(Object.assign(new Option("More tasks…", ""), { disabled: true, hidden: true }));
  for (const { name, words } of options) select.append(new Option(words, name));
  return select;
}
