import numpy as np
import pytest

from ssmviz.lessons.networks import tokens_of, trained
from ssmviz.systems import attention, block

TEXT = "CFA>DBEGCADBFE>"
MAMBA, TRANSFORMER = trained("mamba"), trained("transformer")
BLOCK = "const [b] = net.network(net.readParameters(sent), tokens).blocks"


def hidden(js, body):
    expression = f"""async (m, sent, tokens) => {{
      const net = await import("/assets/maths/block.js");
      {BLOCK};
      return {body};
    }}"""
    return js("attention.js", expression, MAMBA.sent, tokens_of(TEXT))


@pytest.fixture(scope="module")
def alpha():
    traced = block.network(MAMBA.parameters, tokens_of(TEXT))[1][0]
    return attention.hidden_attention(traced.delta, traced.A_bar, traced.B, traced.C)


def test_transformer_equals_pythons(js):
    expression = """async (m, sent, tokens) => {
      const { readParameters } = await import("/assets/maths/block.js");
      return m.transformer(readParameters(sent), tokens);
    }"""
    found = js("attention.js", expression, TRANSFORMER.sent, tokens_of(TEXT))
    logits, layers = attention.transformer(TRANSFORMER.parameters, tokens_of(TEXT))
    np.testing.assert_allclose(found["logits"]["data"], logits.ravel(), rtol=1e-9, atol=1e-9)
    for ours, theirs in zip(found["layers"], layers, strict=True):
        for name, wanted in theirs._asdict().items():
            np.testing.assert_allclose(ours[name]["data"], wanted.ravel(), rtol=1e-9, atol=1e-9, err_msg=name)


def test_hidden_attention_equals_pythons(js, alpha):
    found = hidden(js, "[0, 5, 31].map((d) => m.hiddenAttention(b, d).data)")
    np.testing.assert_allclose(found, alpha[[0, 5, 31]].reshape(3, -1), rtol=1e-9, atol=1e-12)


def test_mean_over_channels_equals_pythons(js, alpha):
    found = hidden(js, "m.meanHiddenAttention(b).data")
    np.testing.assert_allclose(found, abs(alpha).mean(0).ravel(), rtol=1e-9, atol=1e-12)


def test_hidden_attention_times_x_is_the_output_in_the_browser_too(js):
    body = """Array.from({ length: 32 }, (_, d) =>
      m.mismatch(m.hiddenAttention(b, d), b, net.readParameters(sent)["layers.0.mixer.D"], d))"""
    assert max(hidden(js, body)) < 1e-7


@pytest.mark.parametrize("L", [2, 2048, 2**20])
def test_costs_equal_pythons(js, L):
    sizes = {"layers": 32, "width": 2560, "bytesEach": 2}
    expression = """(m, L, sizes) =>
      [m.cacheBytes(L, sizes), m.stateBytes(sizes), m.attentionOperations(L, 64), m.scanOperations(L, 128, 16)]"""
    assert js("attention.js", expression, L, sizes) == [
        attention.cache_bytes(L, layers=32, width=2560),
        attention.state_bytes(layers=32, width=2560, bytes_each=2),
        attention.attention_operations(L, 64),
        attention.scan_operations(L, 128, 16),
    ]


def test_the_steps_of_the_race_compute_what_they_are_called(js):
    rng = np.random.default_rng(3)
    x, delta, y = rng.normal(size=3), rng.random(3), np.zeros(3)
    (B, C), A, h = rng.normal(size=(2, 2)), -rng.random((3, 2)), rng.normal(size=(3, 2))
    found = js("stopwatch.js", "(m, ...a) => (m.s6Step(...a), [a[0], a[6]])", h.ravel(), A.ravel(), x, delta, B, C, y)
    after = np.exp(delta[:, None] * A) * h + (delta * x)[:, None] * B
    np.testing.assert_allclose(found[0], after.ravel(), atol=1e-12)
    np.testing.assert_allclose(found[1], after @ C, atol=1e-12)
    q, k, v = rng.normal(size=4), rng.normal(size=(6, 4)), rng.normal(size=(6, 4))
    call = "(m, q, k, v) => { const y = new Float64Array(4); m.attentionStep(q, k, v, 6, [], y); return y; }"
    cache = attention.Cache(list(k[:-1]), list(v[:-1]))
    np.testing.assert_allclose(
        js("stopwatch.js", call, q, k.ravel(), v.ravel()), cache.step(q, k[-1], v[-1]), atol=1e-12
    )


def test_the_race_times_every_length(js):
    call = """async (m) => {
      let [now, found] = [0, []];
      await m.race([2, 4], (one) => found.push(one), () => (now += 1), () => Promise.resolve());
      return found;
    }"""
    assert [one["L"] for one in js("stopwatch.js", call)] == [2, 4]


def test_growth_is_the_exponent_of_a_power_law(js):
    L = np.array([64.0, 256.0, 4096.0])
    assert js("stopwatch.js", "(m, x, y) => m.growth(x, y)", L, 3 * L**1.5) == pytest.approx(1.5)
