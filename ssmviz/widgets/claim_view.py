"""One claim: its sentence, the paper's numbers beside ours, how ours were made, and where it can be seen."""

from __future__ import annotations

from html import escape

import streamlit as st

from ssmviz.claims import Claim, Measured, Table
from ssmviz.claims.claim import Cell
from ssmviz.claims.measured import ladders
from ssmviz.claims.recall import INDUCTION, INDUCTION_OURS, POWERS
from ssmviz.figures.lengths import OverLength, in_words, over_length
from ssmviz.lessons.scan_measured import growths
from ssmviz.widgets import pages
from ssmviz.widgets.symbols import theme

BADGES = {
    "measured": ":green-badge[:material/check: measured here]",
    "in part": ":blue-badge[:material/contrast: measured in part]",
    "computed in a lesson": ":violet-badge[:material/function: computed in a lesson]",
    "not run here": ":gray-badge[:material/block: not run here]",
}
STYLE = """<style>
.claim { overflow-x: auto; }
.claim table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; }
.claim th, .claim td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #8885; vertical-align: top; }
.claim th { font-weight: 600; vertical-align: bottom; }
.claim th:first-child, .claim td:first-child { text-align: left; }
.claim .ours { font-weight: 600; color: #0072b2; }
.claim .dark { color: #56b4e9; }
.claim sup { font-weight: 400; opacity: .7; }
@media (max-width: 640px) { .claim table { font-size: .75rem; } .claim th, .claim td { padding: .15rem .25rem; } }
</style>"""


def claim_view(claim: Claim) -> None:
    """Draw it."""
    with st.container(border=True, key=f"claim_{claim.id}"):
        st.markdown(f"#### {claim.title} {BADGES[claim.status]}")
        source = f":small[[{claim.paper.cited}]({claim.paper.address}), {claim.where}]"
        st.markdown(f"**{claim.paper.name}:** {claim.sentence}  \n{source}")
        if claim.table and any(map(_filled, (cell for row in claim.table.rows for cell in row.cells))):
            _table(claim, claim.table)
        _plot(claim)
        for words in (claim.differs, f"**Not run here:** {claim.reason}" if claim.reason else "", _missing(claim)):
            if words:
                st.markdown(words)
        with st.container(horizontal=True, vertical_alignment="center"):
            if claim.lesson:
                st.page_link(pages.lesson(claim.lesson), label="See it in its lesson", width="content")
            st.page_link(
                pages.claims(), label="Link to this claim", icon=":material/link:", query_params={"claim": claim.id}
            )


def _table(claim: Claim, table: Table) -> None:
    """Ours carry the number of the line below that says how they were made; what is empty altogether is left out."""
    sources = list(dict.fromkeys(_how(found) for found in claim.found))
    kept = [i for i in range(len(table.columns) - 1) if any(_filled(row.cells[i]) for row in table.rows)]
    rows = "".join(
        f"<tr><td>{escape(row.label)}</td>{''.join(_cell(row.cells[i], sources) for i in kept)}</tr>"
        for row in table.rows
        if any(map(_filled, row.cells))
    )
    head = "".join(f"<th>{_powers(name)}</th>" for name in (table.columns[0], *(_head(table, i) for i in kept)))
    st.html(f"{STYLE}<div class=claim><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>")
    listed = "  \n".join(f"{i}. {how}" for i, how in enumerate(sources, start=1))
    if listed:
        st.caption(f"Measured here, in colour{_seeds(claim)}:  \n{listed}")


def _seeds(claim: Claim) -> str:
    counts = sorted({found.seeds for found in claim.found if found.seeds})
    if not counts:
        return ""
    return f" (means of {counts[0]} seeds)" if len(counts) == 1 else f" (means of {counts[0]} to {counts[-1]} seeds)"


def _head(table: Table, i: int) -> str:
    """A miniature has other sizes than the column promises."""
    cells = [row.cells[i] for row in table.rows if row.cells[i] is not None]
    found = [cell.find() for cell in cells if cell is not None and not isinstance(cell, str)]
    small = len(found) == len(cells) and any(one is not None and one.small for one in found)
    return "here: miniature" if small else table.columns[i + 1]


def _filled(cell: Cell) -> bool:
    return isinstance(cell, str) or (cell is not None and cell.find() is not None)


def _cell(cell: Cell, sources: list[str]) -> str:
    if cell is None or isinstance(cell, str):
        return f"<td>{escape(cell or '')}</td>"
    found = cell.find()
    if found is None:
        return "<td>–</td>"
    number, dark = sources.index(_how(found)) + 1, " dark" * (theme() == "dark")
    title = escape(", ".join(filter(None, (found.hardware, found.date, found.settings, found.detail))))
    return f'<td class="ours{dark}" title="{title}">{escape(found.text)}<sup>{number}</sup></td>'


def _how(found: Measured) -> str:
    small = "miniature, " * found.small
    settings = f" ({found.settings})" if found.settings else ""
    return f"{small}{found.hardware}, {found.date}: `{found.command}`{settings}, `{found.file}`"


def _powers(name: str) -> str:
    base, _, power = escape(name).partition("^")
    return f"{base}<sup>{power}</sup>" if power else base


def _missing(claim: Claim) -> str:
    """What would fill the gaps."""
    commands = dict.fromkeys(place.command for place in claim.places if place.find() is None)
    listed = ", ".join(f"`{command}`" for command in commands)
    return f"**Not run yet:** {listed}" if listed else ""


def _plot(claim: Claim) -> None:
    if claim.plot == "ladder":
        names = {ours: label for label, ours, _ in INDUCTION} | {ours: label for label, ours in INDUCTION_OURS}
        style = {ours: i for i, ours in enumerate(names)}
        printed = [OverLength(label, *_numbers(cells), style[ours]) for label, ours, cells in INDUCTION]
        found = sorted((line for line in ladders("table2") if line.label in style), key=lambda line: style[line.label])
        ours = [OverLength(names[ln.label], ln.L, [100 * v for v in ln.values], style[ln.label]) for ln in found]
        left, right = st.columns(2)
        with left:
            _lines("the paper's numbers", printed, "ladder_paper", "answers right, %")
        if ours:
            with right:
                _lines("measured here, first seed", ours, "ladder_ours", "answers right, %")
    if claim.plot == "growth":
        for growth in growths():
            times = [OverLength(curve.kind, curve.L, curve.ms, i) for i, curve in enumerate(growth.curves)]
            title = f"measured here: {growth.machine}, {growth.measured.isoformat()}, forward"
            _lines(title, times, f"growth_{growth.machine}", "ms", log=True)


def _lines(title: str, lines: list[OverLength], key: str, what: str, *, log: bool = False) -> None:
    st.markdown(f"**{title[0].upper()}{title[1:]}**")
    st.plotly_chart(over_length(lines, what=what, theme=theme(), log=log), key=key, theme="streamlit")
    with st.expander("In words"):
        st.markdown(in_words(lines, " ms" if log else " %"))


def _numbers(cells: tuple[str, ...]) -> tuple[list[int], list[float]]:
    known = [(2**power, float(cell)) for power, cell in zip(POWERS, cells, strict=True) if cell != "OOM"]
    return [L for L, _ in known], [value for _, value in known]
