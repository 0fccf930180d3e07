"""The same networks on a GPU: equal to the CPU, and capturable into a CUDA graph."""

import pytest
import torch
import torch.nn.functional as F

from ssmviz.settings import ModelSettings
from tests.models.variants import every_variant, network, some_tokens

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")]


def gradients(net):
    return {name: parameter.grad.clone() for name, parameter in net.named_parameters()}


@every_variant
def test_the_gpu_computes_what_the_cpu_computes(settings):
    here, there, tokens = network(settings, torch.float32), network(settings, torch.float32).cuda(), some_tokens()
    torch.testing.assert_close(there(tokens.cuda()).cpu(), here(tokens), atol=1e-4, rtol=1e-4)
    chunks = there.forward_chunks(tokens.cuda(), 5, last=4).cpu()
    torch.testing.assert_close(chunks, here(tokens)[:, -4:].detach(), atol=1e-4, rtol=1e-4)
    trace = torch.from_numpy(there.trace(tokens[0].numpy()).logits)
    torch.testing.assert_close(trace, here(tokens)[0].detach(), atol=1e-4, rtol=1e-4)


@every_variant
def test_forward_and_backward_can_be_captured_and_replayed(settings):
    net, tokens = network(settings, torch.float32).cuda(), some_tokens().cuda()

    def step():
        net.zero_grad(set_to_none=False)
        loss = F.cross_entropy(net(tokens, last=4).flatten(0, 1), tokens[:, -4:].flatten())
        loss.backward()
        return loss

    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        captured = step()
    tokens.copy_(some_tokens(seed=1).cuda())  # another batch in the same memory
    graph.replay()
    replayed = gradients(net)
    eager = step()
    torch.testing.assert_close(captured, eager, atol=1e-5, rtol=1e-5)
    for name, gradient in gradients(net).items():
        torch.testing.assert_close(replayed[name], gradient, atol=1e-5, rtol=1e-3, msg=name)


@pytest.mark.parametrize("layer", ["s6", "s4d"])
def test_a_million_tokens_fit_into_bounded_memory(layer):
    net = network(ModelSettings(layer=layer, d_model=64, N=16), torch.float32).cuda()
    tokens = some_tokens(batch=1, length=2**20).cuda()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()  # other tests may have left something
    assert net.forward_chunks(tokens, 8192).isfinite().all()
    assert torch.cuda.max_memory_allocated() - before < 2**30
