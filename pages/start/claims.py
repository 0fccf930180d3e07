"""What the papers say, beside what was measured here."""

import streamlit as st

from ssmviz.claims import CLAIMS
from ssmviz.claims.spreadsheet import as_csv
from ssmviz.widgets import pages
from ssmviz.widgets.claim_view import BADGES, claim_view

st.title("Claims")
st.markdown(
    "What the papers say, beside what **this project measured**: on which machine, when, and with which command. Every "
    "number of ours is read from a file of the repository. What was not run here says why."
)
asked = st.query_params.get("claim")
if asked in CLAIMS:
    st.page_link(pages.claims(), label="All claims", icon=":material/arrow_back:")
    claim_view(CLAIMS[asked])
    st.stop()
if asked is not None:
    st.warning(f"There is no claim {asked[:20]!r} here; these are all.", icon=":material/link_off:")

topics = tuple(dict.fromkeys(claim.topic for claim in CLAIMS.values()))
papers = tuple(dict.fromkeys(claim.paper.name for claim in CLAIMS.values()))
with st.container(horizontal=True, gap="medium"):
    topic = st.pills("About", topics, key="claims_about", bind="query-params", wrap=True)
    status = st.pills("State", tuple(BADGES), key="claims_state", bind="query-params", wrap=True)
    paper = st.pills("Paper", papers, key="claims_paper", bind="query-params", wrap=True)
shown = [
    claim
    for claim in CLAIMS.values()
    if topic in (None, claim.topic) and status in (None, claim.status) and paper in (None, claim.paper.name)
]
with st.container(horizontal=True, vertical_alignment="center"):
    st.markdown(f"{len(shown)} of {len(CLAIMS)} claims", width="content")
    st.download_button("CSV", as_csv(shown), "claims.csv", "text/csv", icon=":material/download:", on_click="ignore")
for claim in shown:
    claim_view(claim)
if not shown:
    st.info("No claim is all of that; take one of the filters away.", icon=":material/filter_alt_off:")
