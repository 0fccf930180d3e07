"""Data of one's own, for tasks that take some: a file is checked, kept under its hash, and named by it in the URL."""

from __future__ import annotations

import streamlit as st

from ssmviz import data
from ssmviz.tasks import Task


def own_data(task: Task, label: str, *, key: str) -> str:
    """Draw the upload of a task that has one.

    Args:
        task: says what it takes (`upload`) and what of it is kept (`accept`).
        label: what people read.
        key: of the digest, in the session and in the URL.

    Returns:
        The digest of what is used, "" for what comes with the app.
    """
    if task.upload is None:
        return ""
    digest = _known(key)
    st.file_uploader(
        f"{label}: {task.upload.words}",
        type=list(task.upload.types),
        max_upload_size=-(-data.MAX_BYTES // 2**20),
        key=f"{key}_file",
        on_change=_take,
        args=(task, key),
    )
    if problem := st.session_state.get(f"{key}_problem"):
        st.error(f"Not used: {problem}.", icon=":material/error:")
    if digest:
        st.caption(f"In use: yours, {len(data.read(digest)):,} characters. They stay on this machine.")
        st.button("Back to what comes with the app", key=f"{key}_drop", on_click=_drop, args=(key,), type="tertiary")
    else:
        st.caption("In use: what comes with the app. Files stay on the machine that the app runs on.")
    return digest


def _known(key: str) -> str:
    """What the session, or at first the URL, says; nothing where such data are not here."""
    digest = str(st.session_state.setdefault(key, st.query_params.get(key, "")))
    if digest:
        try:
            data.read(digest)
        except ValueError as problem:
            st.session_state[f"{key}_problem"] = str(problem)
            digest = st.session_state[key] = ""
    if digest:
        st.query_params[key] = digest
    else:
        st.query_params.pop(key, None)
    return digest


def _take(task: Task, key: str) -> None:
    """Check and keep what was uploaded; before the page runs again."""
    st.session_state.pop(f"{key}_problem", None)
    file = st.session_state[f"{key}_file"]
    if file is None:
        return
    try:
        st.session_state[key] = data.keep(task.accept(data.decoded(file.getvalue())))
    except ValueError as problem:
        st.session_state[f"{key}_problem"] = str(problem)
    except OSError as problem:
        st.session_state[f"{key}_problem"] = f"it could not be kept ({problem.strerror})"


def _drop(key: str) -> None:
    st.session_state[key] = ""
    st.session_state.pop(f"{key}_problem", None)
