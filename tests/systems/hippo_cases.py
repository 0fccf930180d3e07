"""The memories that the tests of HiPPO go through."""

from ssmviz.systems.hippo import fourier, lagt
from ssmviz.systems.legendre import legt, lmu

WINDOWED = [legt(9, theta=1.3), lmu(9, theta=1.3), fourier(9, theta=1.3), fourier(9, theta=1.3, decay=True)]
FADING = [
    lagt(8, theta=0.7),
    lagt(8, theta=0.7, alpha=0.3, beta=0.5),
    lagt(8, theta=0.7, alpha=-0.4, beta=2.0),
    lagt(8, theta=0.7, beta=0.0),
]


def identity(memory):
    return f"{memory.name}{memory.N}"
