"""The fused parts of a training step against float64, and a step that cannot be captured."""

import pytest
import torch

from kernels import layers
from ssmviz.settings import ModelSettings, OptimSettings, TaskSettings, TrainSettings
from ssmviz.traces import Evaluation, Finished, Note
from ssmviz.training import flat
from ssmviz.training.batches import batch
from ssmviz.training.loop import Training, train

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]

SIZES = {  # batch, L, d_model, D, N, dt_rank
    "selective copying": (64, 272, 64, 128, 16, 8),
    "induction heads": (8, 256, 64, 128, 16, 8),
    "a small one": (3, 37, 16, 32, 4, 1),
    "nothing a power of two": (5, 65, 20, 40, 5, 3),
    "one token": (1, 1, 64, 128, 16, 8),
}


def inputs(part, batch, L, K, D, N, R):
    rng = torch.Generator().manual_seed(0)

    def randn(*shape):
        return torch.randn(*shape, generator=rng, dtype=torch.float64)

    x, tokens = randn(batch, L, K), torch.randint(0, 16, (batch, L), generator=rng)
    return {
        "norm_linear": ((x, randn(K), randn(2 * D, K) / K**0.5), {"parts": 2, "eps": 1e-5}),
        "linear_add": ((randn(batch, L, D), randn(K, D) / D**0.5, x), {}),
        "conv_project": (
            (randn(batch, L, D), randn(D, 4), randn(D), randn(R + 2 * N, D) / D**0.5, randn(D, R) / R**0.5),
            {},
        ),
        "embed": ((tokens, randn(16, K)), {}),
        "answer_loss": ((x, randn(K), randn(16, K), tokens[:, :1].contiguous()), {"eps": 1e-5}),
    }[part]


def results(part, tensors, options, dtype, backend):
    leaves = [t.to("cuda", dtype).requires_grad_() if t.is_floating_point() else t.cuda() for t in tensors]
    out = getattr(layers, part)(*leaves, **options, backend=backend)
    outputs = out if isinstance(out, tuple) else (out,)
    rng = torch.Generator().manual_seed(1)
    weights = [torch.randn(y.shape, generator=rng, dtype=torch.float64).to("cuda", dtype) for y in outputs]
    wanted = [t for t in leaves if t.is_floating_point()]
    return [*outputs, *torch.autograd.grad(outputs, wanted, weights)]


@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize("part", ["norm_linear", "linear_add", "conv_project", "embed", "answer_loss"])
def test_a_fused_part_and_its_gradients_equal_pytorch_in_float64(part, sizes):
    tensors, options = inputs(part, *sizes)
    found = results(part, tensors, options, torch.float32, "triton")
    for a, b in zip(found, results(part, tensors, options, torch.float64, "torch"), strict=True):
        assert (a.double() - b).norm() <= 2e-5 * b.norm() + 1e-12
        assert torch.isfinite(a).all()


def test_a_fused_part_gives_the_same_bits_every_time():
    tensors, options = inputs("conv_project", *SIZES["selective copying"])
    first, second = (results("conv_project", tensors, options, torch.float32, "triton") for _ in range(2))
    assert all(map(torch.equal, first, second))


def settings(layer="s6", **optim):
    return TrainSettings(
        task=TaskSettings(L=64, vocab=10, n_data=4),
        model=ModelSettings(layer=layer, d_model=32, N=8, bc_scale=4.0),
        optim=OptimSettings(**{"steps": 24, "batch": 16, **optim}),
        eval_every=8,
        eval_batch=32,
        device="cuda",
    )


@pytest.mark.parametrize("layer", ["s6", "s4d"])
@pytest.mark.parametrize("optimiser", ["muon", "adamw"])
def test_ten_fused_steps_follow_pytorch(layer, optimiser, monkeypatch):
    chosen = settings(layer, optimiser=optimiser, weight_decay=0.1)
    fused = after(chosen, 10)
    monkeypatch.setattr(flat, "fits", lambda _: False)
    monkeypatch.setattr(layers, "_fused", lambda *_: False)
    for found, wanted in zip(fused, after(chosen, 10), strict=True):
        assert (found - wanted).norm() <= (1e-4 if optimiser == "adamw" else 2e-2) * wanted.norm()


def after(chosen, steps):
    training = Training(chosen)
    for k in range(steps):
        training.stepper.step(*batch(chosen, k, training.place.device), 1.0)
    return [p.detach().clone() for p in training.network.parameters()]


def test_a_step_that_cannot_be_captured_runs_eagerly_and_says_so(monkeypatch):
    usual = [e for e in train(settings()) if isinstance(e, Evaluation)]
    step = flat.FlatUpdate.step

    def reads_back(self, loss, *rest):
        loss.item()  # not allowed in a capture
        step(self, loss, *rest)

    monkeypatch.setattr(flat.FlatUpdate, "step", reads_back)
    events = list(train(settings()))
    assert isinstance(events[-1], Finished)
    assert ["captured" in e.text for e in events if isinstance(e, Note)] == [True]
    found = [e.loss for e in events if isinstance(e, Evaluation)]
    assert found == pytest.approx([e.loss for e in usual], rel=1e-3)
