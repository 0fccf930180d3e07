// The choice of a task. The live view of the same page hears of it first, the server once the picture has changed: what
// the server sends back redraws much of the page, and the picture would wait for that.

const PATIENCE = 400; // ms until the server is told in any case

export default function ({ parentElement: root, data, setTriggerValue }) {
  let group = root.querySelector(".tasks");
  const names = data.options.map(({ name }) => name).join();
  if (group?.dataset.names !== names) {
    group?.remove();
    group = document.createElement("fieldset");
    group.className = "tasks";
    group.dataset.names = names;
    group.append(Object.assign(document.createElement("legend"), { textContent: data.legend }));
    for (const { name, words } of data.options) {
      const input = Object.assign(document.createElement("input"), { type: "radio", name: "task", value: name });
      const text = Object.assign(document.createElement("span"), { textContent: words });
      const label = document.createElement("label");
      label.append(input, text);
      group.append(label);
    }
    root.append(group);
  }
  for (const input of group.querySelectorAll("input")) input.checked = input.value === data.chosen;
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
