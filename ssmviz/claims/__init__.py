"""Every claim of the story that the app tells, its source, and what this project measured. No torch here."""

from ssmviz.claims.claim import Claim, Measured, Paper, Row, Status, Table, Topic
from ssmviz.claims.costs import COSTS
from ssmviz.claims.recall import RECALL
from ssmviz.claims.signals import SCALE, TIME

CLAIMS: dict[str, Claim] = {claim.id: claim for claim in (*RECALL, *COSTS, *TIME, *SCALE)}

__all__ = ["CLAIMS", "Claim", "Measured", "Paper", "Row", "Status", "Table", "Topic"]
