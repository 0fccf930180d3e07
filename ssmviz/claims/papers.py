"""The publications that the claims are from."""

from ssmviz.claims.claim import Paper

MAMBA = Paper("Mamba", "Gu & Dao 2023, Mamba (v2)", "https://arxiv.org/abs/2312.00752v2")
S4 = Paper("S4", "Gu, Goel & Ré 2022, S4", "https://arxiv.org/abs/2111.00396")
S4D = Paper("S4D", "Gu, Gupta, Goel & Ré 2022, S4D", "https://arxiv.org/abs/2206.11893")
LSSL = Paper("LSSL", "Gu et al. 2021, LSSL", "https://arxiv.org/abs/2110.13985")
HIPPO = Paper("HiPPO", "Gu, Dao, Ermon, Rudra & Ré 2020, HiPPO", "https://arxiv.org/abs/2008.07669")
H3 = Paper("H3", "Fu et al. 2023, H3", "https://arxiv.org/abs/2212.14052")
HIDDEN = Paper(
    "Hidden attention", "Ali, Zimerman & Wolf 2024, The hidden attention of Mamba", "https://arxiv.org/abs/2403.01590"
)
