"""Hyena's long convolution (Poli et al. 2023, section 3.3): a filter that a small network computes from the position.

K_t = window(t) * network(position features of t), y = K * x + D_skip x. In the block "h3" this is the Hyena operator of
order 2. Nothing finite is remembered: to go on with a sequence one must keep all of it.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssmviz.models.convolution import causal_convolution
from ssmviz.models.layer import Layer
from ssmviz.settings import ModelSettings

REACH = 1024.0  # positions of one unit of time, whatever the length of a sequence: a filter must not change with it
BANDS = 4  # sines and cosines of the position
FREQUENCY = 10.0  # of the sine activations (Sitzmann et al. 2020), as in the release
SLOWEST, FASTEST, FLOOR = 8.0, 400.0, 0.01  # decays of the windows in a unit of time, and what is left at the end
SHOWN = 4  # channels whose filter is shown as a matrix


class Hyena(Layer):
    """filter_in (width, 1 + 2 BANDS), filter_hidden (width, width), filter_out (D, width), D (D); width = 4 N.

    Departures: the release learns the windows' decays and the sines' frequency, and scales positions by the length that
    it is trained on.
    """

    how = "fft"
    decay: Tensor

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__(settings)
        width = 4 * settings.N
        self.filter_in = nn.Linear(1 + 2 * BANDS, width)
        self.filter_hidden = nn.Linear(width, width)
        self.filter_out = nn.Linear(width, settings.D, bias=False)
        decay = torch.linspace(math.log(SLOWEST), math.log(FASTEST), settings.D).exp()
        self.register_buffer("decay", decay, persistent=False)
        self.add_skip()

    def mix(self, x: Tensor, h0: Tensor | None, *, carry: bool, backend: str = "auto") -> tuple[Tensor, Tensor]:
        """See `Layer.mix`; what is remembered is every input."""
        past = x if h0 is None else torch.cat([h0, x], dim=1)
        y = causal_convolution(past, self.kernel(past.shape[1]))[:, past.shape[1] - x.shape[1] :]
        return y + self.D * x, past

    def recur(self, x: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """See `Layer.recur`: a dot product with all inputs so far."""
        past = torch.cat([h, x[:, None]], dim=1)
        K = self.kernel(past.shape[1]).mT.flip(0)  # the newest input meets K_0
        return (past * K).sum(1) + self.D * x, past

    def kernel(self, L: int) -> Tensor:
        """K (D, L), the answer to an impulse, D_skip left out."""
        t = torch.arange(L, device=self.decay.device, dtype=self.decay.dtype)[:, None] / REACH
        bands = 2 * math.pi * t * 2.0 ** torch.arange(BANDS, device=t.device, dtype=t.dtype)
        z = torch.cat([t, bands.sin(), bands.cos()], dim=-1)
        z = (FREQUENCY * self.filter_in(z)).sin()
        z = (FREQUENCY * self.filter_hidden(z)).sin()
        window = (-t * self.decay).exp() + FLOOR
        K: Tensor = (self.filter_out(z) * window).mT
        return K

    def initial_h(self, batch: int) -> Tensor:
        """No inputs."""
        return self.decay.new_zeros(batch, 0, self.d_inner)

    def weights(self, x: Tensor) -> Tensor:
        """See `Layer.weights`: the Toeplitz matrices of `SHOWN` channels, whatever x is."""
        L = len(x)
        some = torch.linspace(0, self.d_inner - 1, min(SHOWN, self.d_inner)).round().long().to(x.device)
        t = torch.arange(L, device=x.device)
        return F.pad(self.kernel(L)[some], (0, 1))[:, torch.where(t[:, None] >= t, t[:, None] - t, L)]
