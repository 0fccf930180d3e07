"""The main script: every page, one line each. It lies apart from `pages/` so that deep links always pass here."""

import streamlit as st

from ssmviz.widgets import address, pages, room_view, services, showing, sign_in

STYLE = """
.stMainBlockContainer { padding-top: 4.5rem; max-width: 1500px; } /* the lab fits on one screen */
.stMarkdown table { display: block; overflow-x: auto; } /* on a phone a table scrolls, not the page */
"""

address.tidy()
presents = services.person().presents
sections = {
    "": [pages.home(), pages.join(listed=not presents)],
    "Learn": pages.lessons(),
    "Train": [
        pages.lab(),
        pages.sweep(),
        pages.family(),
        pages.weights(),
        pages.runs(),
        *([pages.present()] if presents else []),
    ],
    "Look up": [pages.glossary(), pages.claims()],
}

st.set_page_config(page_title="ssmviz", page_icon="〰️", layout="wide")
st.html(f"<style>{STYLE}</style>")
hidden = showing.begin() or not services.person().is_known
page = st.navigation(sections, position="hidden" if hidden else "top")
sign_in.only_known(services.classroom(), services.person())
room_view.bar(page, sections)
page.run()
showing.end()
room_view.settle()
