"""The pieces of a lesson's page, in the order of its use. The URL is the state: links reproduce pictures."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from ssmviz.lessons.controls import Control, UnusableError, Value, changed, query, specification, values
from ssmviz.widgets import pages, services, showing
from ssmviz.widgets.component import Component
from ssmviz.widgets.live_view import live_view
from ssmviz.widgets.room_view import Vote
from ssmviz.widgets.symbols import GLOSSARY, tex
from ssmviz.widgets.train_panel import train_panel

SNIPPETS = Path(__file__).parent.parent.parent / "assets" / "snippets"

HEAD_START = 0.3  # seconds in which a browser draws the pictures, before the rest of a new page keeps it busy

_stage = Component("ssmviz.lesson", "lessons/stage.js", "canvas/canvas.css", "lessons/lesson.css")


def head(name: str) -> str:
    """HTML for the head of a lesson's page: its modules are fetched while Streamlit boots."""
    return services.head("lessons/stage.js", f"lessons/{name}.js")


class Lesson:
    """One lesson: its controls, and everything that is written around its pictures.

    Args:
        name: of the page, of `assets/lessons/<name>.js` and of `assets/snippets/<name>.py`; prefix of its parameters.
        controls: what can be set.
        extra: what JavaScript cannot compute itself, from the values; must be quick or cached.
    """

    def __init__(
        self,
        name: str,
        controls: Iterable[Control],
        *,
        extra: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None,
    ) -> None:
        self.name = name
        self.controls = tuple(controls)
        self._extra = extra
        self._shown: Counter[str] = Counter()  # how many checks and myths so far
        self.now, self.notes = values(self.controls, st.query_params.to_dict(), page=name)
        shown, names = showing.now(), {control.name: f"{name}_{control.name}" for control in self.controls}
        self._locked = frozenset(control for control, full in names.items() if shown.locks(full))
        self._hidden = frozenset(control for control, full in names.items() if shown.hides(full))
        showing.note_controls(names.values())

    # -- before the pictures ------------------------------------------------------------------------------------------

    def question(self, title: str, lead: str) -> None:
        """The page's question, and what the reader needs to begin."""
        st.title(title)
        st.markdown(lead)
        kept: tuple[str, ...] = st.session_state.setdefault(f"_{self.name}_notes", self.notes)
        if kept:
            st.warning("From the address of this page: " + "; ".join(kept) + ".", icon=":material/link_off:")

    def predict(self, question: str, *, options: Sequence[str], right: str, because: str) -> None:
        """A guess of one click. It is kept, and compared once the reader has changed something or asks for it.

        In a class it is a vote, too; while the class is asked, nobody is told what is right.
        """
        key = f"{self.name}_guess"
        vote = Vote(self.name, question, options)
        guess = st.pills(f"**Predict.** {question}", options, key=key, default=vote.own, disabled=vote.closed)
        vote.cast(guess)
        if guess is None:
            return
        if vote.waits:
            st.markdown(f"You said *{guess}*. " + ("The vote is closed." if vote.closed else "Your vote counts."))
            return
        begun = st.session_state.setdefault(f"_{key}_at", dict(self.now))
        if begun == self.now and not st.session_state.get(f"_{key}_shown"):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"You said *{guess}*. Now try it below.", width="content")
                st.button(
                    "Compare", type="tertiary", key=f"{key}_compare", on_click=self._flag, args=(f"_{key}_shown",)
                )
            return
        self._flag(f"_{key}_shown")
        _verdict(guess == right, f"You said *{guess}*.", because if guess == right else f"It is *{right}*. {because}")

    # -- the pictures -------------------------------------------------------------------------------------------------

    def play(self) -> Mapping[str, Any]:
        """The pictures. Returns the values as they stand after the last release, by name."""
        st.html(f'<span id="{self.name}"></span>')
        data = {
            "lesson": self.name,
            "controls": specification(self.controls, locked=self._locked, hidden=self._hidden),
            "values": json.dumps(self.now),
            "serial": st.session_state.get(f"_{self.name}_serial", 0),  # of the report that they answer
            "extra": json.dumps(self._extra(self.now) if self._extra else {}),
        }
        key = f"{self.name}_picture"
        _stage(data, key=key, on_released_change=partial(self._released, key))
        if st.session_state.setdefault(f"_{self.name}_opens", True):
            st.session_state[f"_{self.name}_opens"] = False
            time.sleep(HEAD_START)
        return self.now

    def try_these(self, *suggestions: tuple[str, Mapping[str, Any]]) -> None:
        """Things to try: each a link that sets the controls."""
        st.subheader("Three things to try" if len(suggestions) == 3 else "Things to try")
        with st.container(gap="xxsmall"):
            for i, (words, change) in enumerate(suggestions):
                self._setter(words, change, key=f"try_{i}")

    # -- after them ---------------------------------------------------------------------------------------------------

    def maths(self, *lines: str, note: str = "") -> None:
        """Equations with the numbers of now in them."""
        st.subheader("The maths, with the numbers of now")
        for line in lines:
            st.latex(line)
        if note:
            st.markdown(note)

    def code(self) -> None:
        """The short stand-alone program that computes the main picture."""
        path = SNIPPETS / f"{self.name}.py"
        with st.expander("The code", icon=":material/code:"):
            st.markdown(
                "Stand-alone: numpy (and scipy) only. The tests run it and compare its numbers with this page's."
            )
            st.code(path.read_text(), language="python")

    def train(self, *presets: str, intro: str) -> None:
        """Real training, with this page's point as its default."""
        st.subheader("Train it")
        st.markdown(intro)
        experiment = train_panel(presets, page=f"train_{self.name}", legend="Experiment")
        if experiment is None:
            st.info("Press **Train**: it starts within two seconds.", icon=":material/play_arrow:")
        else:
            live_view(experiment, key=f"train_{self.name}_live", autoplay=False, lazy=True)

    def check(
        self, question: str, *, options: Sequence[str], right: str, because: str, see: Mapping[str, Any] | None = None
    ) -> None:
        """A question that an experiment on this page answers: `see` sets the controls for it."""
        number = self._count("check")
        if number == 0:
            st.subheader("Check yourself")
        key = f"{self.name}_check_{number}"
        answer = st.pills(question, options, key=key)
        if answer is None:
            return
        _verdict(answer == right, "", because if answer == right else f"Not quite: *{right}*. {because}")
        if see:
            self._setter("See it in the pictures", see, key=f"check_{number}_see")

    def myth(self, *, said: str, true: str, see: Mapping[str, Any], shown: Callable[[Mapping[str, Any]], str]) -> None:
        """An error of popular explanations, settled by one click: the experiment, and its numbers in words."""
        number = self._count("myth")
        if number == 0:
            st.subheader("Said, and settled")
        flag = f"_{self.name}_myth_{number}"
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
                st.markdown(f"One reads: “{said}”", width="stretch")
                st.button(
                    "Settle it",
                    key=f"{self.name}_myth_{number}",
                    icon=":material/gavel:",
                    on_click=self._settle,
                    args=(see, flag),
                )
            if st.session_state.get(flag):
                settled = changed(self.controls, self.now, see)
                st.markdown(f"**{true}** {shown(settled)}")
                st.markdown(f"[To the pictures](#{self.name})")

    def sources(self, *lines: str) -> None:
        """Paper, section, equation."""
        st.subheader("Sources")
        st.markdown("\n".join(f"- {line}" for line in lines))
        self._onward()

    def symbols(self, *names: str) -> None:
        """The page's symbols; each leads to the glossary."""
        symbol_links(*names)

    # -- what they share ----------------------------------------------------------------------------------------------

    def set(self, change: Mapping[str, Any]) -> None:
        """Set some controls (and the URL); for callbacks, before the page runs again. What is locked stays."""
        self._write(changed(self.controls, self.now, self._free(change)))

    def _released(self, key: str) -> None:
        """The browser's values, checked like everything from outside."""
        text = getattr(st.session_state[key], "released", None)
        try:
            told = json.loads(text) if isinstance(text, str) else {}
            serial, now = int(told["serial"]), changed(self.controls, self.now, self._free(told["values"]))
        except (UnusableError, ValueError, TypeError, KeyError, AttributeError):
            return  # no widget of ours says such things: keep what stands
        st.session_state[f"_{self.name}_serial"] = serial
        self._write(now)

    def _free(self, change: Mapping[str, Any]) -> dict[str, Any]:
        """A change without the controls that the teacher has set."""
        return {name: value for name, value in change.items() if name not in self._locked}

    def _write(self, now: Mapping[str, Value]) -> None:
        for name, text in query(self.controls, now, page=self.name).items():
            if text is None:
                st.query_params.pop(name, None)
            else:
                st.query_params[name] = text

    def _setter(self, words: str, change: Mapping[str, Any], *, key: str) -> None:
        changed(self.controls, self.now, change)  # a page that offers what its controls cannot take is wrong at once
        locked = bool(change) and not self._free(change)
        st.button(
            words,
            type="tertiary",
            icon=":material/arrow_forward:",
            key=f"{self.name}_{key}",
            on_click=self.set,
            args=(change,),
            disabled=locked,
            help=showing.BY_TEACHER if locked else None,
        )

    def _settle(self, see: Mapping[str, Any], flag: str) -> None:
        self.set(see)
        self._flag(flag)

    def _flag(self, name: str) -> None:
        st.session_state[name] = True

    def _count(self, what: str) -> int:
        """How many of them this run of the page has shown before."""
        self._shown[what] += 1
        return self._shown[what] - 1

    def _onward(self) -> None:
        """Where the path leads from here."""
        before, after = pages.neighbours(self.name)
        with st.container(horizontal=True, horizontal_alignment="distribute"):
            st.page_link(before, icon=":material/arrow_back:", width="content")
            st.page_link(after, icon=":material/arrow_forward:", width="content")


def symbol_links(*names: str) -> None:
    """Symbols with a word each; they lead to the glossary."""
    with st.container(horizontal=True, gap="small"):
        for name in names:
            words = f"${tex(name)}$ {GLOSSARY[name].short}"
            st.page_link(pages.glossary(), label=words, query_params={"symbol": name}, width="content")


def _verdict(right: bool, opening: str, because: str) -> None:
    box, icon = (st.success, ":material/check:") if right else (st.info, ":material/lightbulb:")
    box(f"{opening} {because}".strip(), icon=icon)
