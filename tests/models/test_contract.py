"""What every layer in every block must do."""

import itertools

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from ssmviz.models import BLOCKS, LAYERS, Block, build
from ssmviz.settings import ModelSettings
from ssmviz.tasks import TASKS, rng_for
from tests.models.variants import DIAGONAL, TASK, TOLERANCE, VOCAB, every_diagonal, every_variant, network, some_tokens
from tests.tasks.sizes import small

every_dtype = pytest.mark.parametrize("dtype", TOLERANCE, ids=str)


def assert_near(got, wanted):
    torch.testing.assert_close(got, wanted, atol=TOLERANCE[wanted.dtype], rtol=TOLERANCE[wanted.dtype])


@every_variant
@every_dtype
def test_step_equals_forward(settings, dtype):
    net, tokens = network(settings, dtype), some_tokens()
    state, logits = net.initial_state(len(tokens)), []
    for token in tokens.unbind(1):
        out, state = net.step(token, state)
        logits.append(out)
    assert_near(torch.stack(logits, 1), net(tokens).detach())


@every_variant
@every_dtype
def test_trace_equals_forward(settings, dtype):
    net, tokens = network(settings, dtype), some_tokens(batch=1)
    trace = net.trace(tokens[0].numpy())
    assert_near(torch.from_numpy(trace.logits), net(tokens)[0].detach())


@every_diagonal
def test_trace_obeys_its_own_equations_and_equals_the_fast_scan(settings):
    net, tokens = network(settings), some_tokens(batch=1)
    L, D, N = tokens.shape[1], settings.D, settings.N
    mixers = [layer for layer in net.layers if isinstance(layer.mixer, Block)]
    for layer, record in zip(mixers, net.trace(tokens[0].numpy()).layers, strict=True):
        assert record.x.shape == record.y.shape == record.delta.shape == (L, D)
        assert record.h.shape == record.A_bar.shape == record.B_bar.shape == (L, D, N)
        assert record.C.shape in ((L, N), (L, D, N))
        before = np.concatenate([np.zeros_like(record.h[:1]), record.h[:-1]])
        np.testing.assert_allclose(record.h, record.A_bar * before + record.B_bar * record.x[..., None], atol=1e-12)
        read = (record.h * (record.C if record.C.ndim == 3 else record.C[:, None])).sum(-1)
        read = 2 * read.real if np.iscomplexobj(record.h) else read
        np.testing.assert_allclose(record.y, read + layer.mixer.D.detach().numpy() * record.x, atol=1e-12)
        np.testing.assert_allclose(
            record.A_bar, np.exp(record.delta[..., None] * layer.mixer.A().detach().numpy()), atol=1e-12
        )
        fast, _ = layer.mixer.scan(torch.from_numpy(record.x)[None], None, None, carry=False, backend="auto")
        np.testing.assert_allclose(record.y, fast[0].detach().numpy(), atol=1e-10)


@every_variant
def test_evaluation_in_chunks_equals_forward(settings):
    net, tokens = network(settings), some_tokens()
    wanted = net(tokens)[:, -4:].detach()
    for chunk in (1, 5, 19, 100):
        assert_near(net.forward_chunks(tokens, chunk, last=4), wanted)


@every_variant
def test_no_output_depends_on_later_tokens(settings):
    net, tokens = network(settings), some_tokens(batch=1)
    changed = tokens.clone()
    changed[:, 11] = (changed[:, 11] + 1) % VOCAB
    difference = (net(tokens) - net(changed)).abs().amax(-1)[0]
    assert difference[:11].max() < 1e-12
    assert difference[11] > 1e-6


@every_variant
def test_the_head_can_be_asked_for_the_answers_alone(settings):
    net, tokens = network(settings), some_tokens()
    assert_near(net(tokens, last=4), net(tokens)[:, -4:])


@every_variant
def test_every_parameter_gets_a_gradient_that_agrees_with_float64(settings):
    single, double, tokens = network(settings, torch.float32), network(settings), some_tokens()
    for net in (single, double):
        F.cross_entropy(net(tokens).flatten(0, 1), tokens.flatten()).backward()
    wanted = dict(double.named_parameters())
    for name, parameter in single.named_parameters():
        gradient = parameter.grad
        assert gradient is not None, name
        assert gradient.isfinite().all(), name
        assert gradient.abs().max() > 0, name
        scale = wanted[name].grad.abs().max()
        torch.testing.assert_close(gradient.double(), wanted[name].grad, atol=1e-4 * scale, rtol=0, msg=name)


@every_variant
def test_gradients_through_the_fast_path_equal_those_through_the_recurrence(settings):
    mixer = network(settings).layers[0].mixer
    x = torch.randn(1, 9, settings.D, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    weight = torch.randn(1, 9, settings.D, dtype=torch.float64, generator=torch.Generator().manual_seed(1))

    def gradients(scan):
        mixer.zero_grad()
        leaf = x.clone().requires_grad_()
        (scan(leaf) * weight).sum().backward()
        return [leaf.grad] + [p.grad for p in mixer.parameters() if p.grad is not None]

    def by_recurrence(leaf):
        h, ys = mixer.initial_h(1), []
        for x_t in leaf.unbind(1):
            y, h = mixer.recur(x_t, h)
            ys.append(y)
        return torch.stack(ys, 1)

    fast = gradients(lambda leaf: mixer.scan(leaf, None, None, carry=False, backend="auto")[0])
    slow = gradients(by_recurrence)
    assert len(fast) == len(slow) > 1
    for got, wanted in zip(fast, slow, strict=True):
        torch.testing.assert_close(got, wanted, atol=1e-10, rtol=1e-8)


@every_variant
def test_equal_seeds_give_equal_networks_and_the_global_generator_stays(settings):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, second, other = (network(settings, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


def test_twins_start_with_the_same_weights_wherever_they_have_the_same_module():
    s6, s4d = (build(TASK, ModelSettings(layer=layer), seed=1).state_dict() for layer in ("s6", "s4d"))
    shared = [name for name in s6 if name in s4d]
    assert {name.split(".")[-2] for name in shared} >= {"embedding", "in_proj", "conv1d", "out_proj", "lm_head", "norm"}
    for name in shared:
        assert torch.equal(s6[name], s4d[name]), name


# a network knows of its task only `vocab` and whether it reads and says signals: not every pair need meet every task
MEETINGS = [
    *itertools.product(("selective_copying", "mass_spring"), LAYERS, BLOCKS),
    *((t, "s6", "mamba") for t in TASKS),
]


@pytest.mark.parametrize(("task", "layer", "block"), dict.fromkeys(MEETINGS))
def test_every_layer_block_and_task_runs(task, layer, block):
    settings = small(task)
    net = build(settings, ModelSettings(layer=layer, block=block, d_model=8, N=2, heads=2), seed=0)
    tokens, targets = TASKS[task].sample(settings, rng_for(0, "train"), 2)
    said = 1 if settings.says_signal else settings.vocab
    assert net(torch.from_numpy(tokens)).shape == (2, settings.sequence_length, said)
    trace = net.trace(tokens[0], targets[0])
    np.testing.assert_array_equal(trace.tokens, tokens[0])
    np.testing.assert_array_equal(trace.targets, targets[0])
    assert len(net.A()) == len(trace.layers) == 2
    if layer in DIAGONAL:
        assert [A.shape for A in net.A()] == [(net.layers[0].mixer.d_inner, 2)] * 2


@every_variant
def test_a_sequence_of_one_token_is_enough(settings):
    net, tokens = network(settings), some_tokens(length=1)
    assert_near(net.step(tokens[:, 0], net.initial_state(3))[0], net(tokens)[:, 0].detach())
    assert net.trace(tokens[0].numpy()).logits.shape == (1, VOCAB)


@pytest.mark.parametrize("d_conv", [0, 1, 2, 8])
def test_any_number_of_taps_steps_and_chunks_like_forward(d_conv):
    net, tokens = network(ModelSettings(d_model=8, N=2, d_conv=d_conv)), some_tokens()
    state = net.initial_state(3)
    for token in tokens.unbind(1):
        out, state = net.step(token, state)
    assert_near(out, net(tokens)[:, -1].detach())
    assert_near(net.forward_chunks(tokens, 3)[:, 0], net(tokens)[:, -1].detach())


def test_a_trace_without_tokens_or_with_other_targets_is_refused():
    net = network(ModelSettings(d_model=8, N=2))
    with pytest.raises(ValueError, match=r"got \(0,\)"):
        net.trace([])
    with pytest.raises(ValueError, match=r"got \(3,\) and \(2,\)"):
        net.trace([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="got 20 and 4"):
        net.forward_chunks(some_tokens(), 4, last=20)


@every_variant
def test_embedding_and_out_proj_start_at_their_scales(settings):
    net = build(TASK, settings.model_copy(update={"d_model": 256}), seed=0)
    assert net.embedding.weight.detach().std() == pytest.approx(2, rel=0.1)
    if settings.block == "linear":
        return  # nothing to project
    out = net.layers[1].mixer.out_proj.weight.detach()
    assert out.abs().max() == pytest.approx(2 / out.shape[1] ** 0.5, rel=0.01)
