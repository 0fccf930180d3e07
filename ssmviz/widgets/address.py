"""What an address may say before any widget reads it."""

from __future__ import annotations

import math

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx


def tidy() -> None:
    """Take parameters out that have no name, or overflow, such as 1e999.

    The session has no key that is empty. Streamlit (1.67) falls back to the default for any other odd value, but makes
    an integer of one that overflows and fails: a link could break a page. Widgets are given what the address said when
    it was opened, so that forgets it, too.
    """
    asked = {name: st.query_params.get_all(name) for name in st.query_params}
    bad = [name for name, values in asked.items() if not name or any(_is_infinite(value) for value in values)]
    for name in bad:
        said = f"{name[:40]} cannot be {st.query_params[name][:40]!r}"
        st.session_state.setdefault(f"_{name.rpartition('_')[0]}_notes", [said])  # where its page looks for notes
        del st.query_params[name]
    context = get_script_run_ctx() if bad else None
    if context is not None:
        with context.session_state.query_params() as known:
            known.set_initial_query_params_from_current()


def _is_infinite(text: str) -> bool:
    try:
        return math.isinf(float(text))
    except ValueError:
        return False
