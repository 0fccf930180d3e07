"""Components drawn in the browser. Modules are loaded from our own address, so that they can import each other."""

from __future__ import annotations

from typing import Any

import streamlit as st

from ssmviz.live.assets import assets_path, style
from ssmviz.widgets import services

# Loading takes its time, and an earlier call may have loaded last: only the latest call on an element counts.
LOADER = """
export default function (component) {
  const place = component.parentElement;
  const turn = (place.ssmvizTurn = (place.ssmvizTurn ?? 0) + 1);
  const address = new URL(component.data.assets + "MODULE", window.location.origin);
  let clean = null;
  let over = false;
  const near = new Promise((done) => {
    if (!component.data.lazy) return done();
    const eye = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      eye.disconnect();
      done();
    }, { rootMargin: "400px" });
    eye.observe(place.host ?? place);
  });
  near.then(() => import(address.href)).then(
    (module) => {
      if (turn === place.ssmvizTurn) clean = module.default(component);
      if (over && clean) clean();
    },
    () => { place.textContent = "The pictures could not be loaded; reload the page."; },
  );
  return () => {
    over = true;
    if (clean) clean();
  };
}
"""


class Component:
    """One kind of component.

    Args:
        name: of the component, for Streamlit.
        module: what it loads, "live/lab.js"; its default export is `mount(component)`.
        styles: its style sheets.
    """

    def __init__(self, name: str, module: str, *styles: str) -> None:
        self._mount = st.components.v2.component(name, css=style(*styles), js=LOADER.replace("MODULE", module))

    def __call__(self, data: dict[str, Any], *, key: str, **callbacks: Any) -> Any:
        """Mount it; with `lazy` in the data, only when it is nearly in sight.

        `data` must hold no list or dict: Streamlit loads pandas, 55 MB, to see whether it is a table.
        """
        return self._mount(key=key, data=data | {"assets": assets_path(services.base_path())}, **callbacks)
