"""The pure parts of the component, run in the page against numpy."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from safetensors.numpy import save

from ssmviz.frames import pack, unpack
from ssmviz.traces import Frame, LayerTrace, NetworkTrace
from tests.component.conftest import SMALL
from tests.component.harness import Harness
from tests.component.made_up import wrapped
from tests.component.synthetic import Twins

pytestmark = pytest.mark.browser

NAMES = {
    "delta": "delta",
    "deltaMean": "delta_mean",
    "keep": "keep",
    "heat": "heat",
    "h": "h",
    "hScale": "h_scale",
    "A": "A",
    "B": "B",
    "C": "C",
}


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    harness = Harness(page, Twins(**SMALL))
    page.goto("http://ssmviz.test/")
    page.wait_for_function("window.isReady")
    yield page
    assert harness.errors == []
    page.close()


@pytest.mark.parametrize("offset", [0, 1, 4, 7])
def test_frame_reads_as_numpy_reads_it_at_any_offset(modules: Page, offset: int) -> None:
    blob = Twins(**SMALL).frame("s6", 40)
    read = modules.evaluate(
        """async ([bytes, offset]) => {
          const { readFrame } = await import("/assets/live/frame.js");
          const whole = new Uint8Array(bytes.length + offset);
          whole.set(bytes, offset);
          const frame = readFrame(whole.subarray(offset));
          const list = (v) => (ArrayBuffer.isView(v) ? Array.from(v) : v);
          const plain = (o) => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, list(v)]));
          return { ...plain(frame), layers: frame.layers.map(plain) };
        }""",
        [list(blob), offset],
    )
    wanted = unpack(blob)
    assert (read["step"], read["L"], read["task"]) == (40, SMALL["L"] + SMALL["n_data"], "selective_copying")
    for name in ("tokens", "targets", "predicted", "confidence"):
        np.testing.assert_allclose(read[name], wanted[name])
    for i, layer in enumerate(read["layers"]):
        assert [layer["K"], layer["N"]] == list(wanted[f"{i}.h"].shape[:2])
        for ours, theirs in NAMES.items():
            np.testing.assert_allclose(layer[ours], wanted[f"{i}.{theirs}"].ravel())


def test_a_frame_of_attention_that_counts_no_layers_shows_its_weights(modules: Page) -> None:
    x, weights = np.zeros((5, 8)), np.tril(np.full((2, 5, 5), 0.2))
    layer = LayerTrace(x, None, None, None, None, None, x, weights)
    trace = NetworkTrace(np.zeros(5, int), np.full(5, -100), np.zeros((5, 4)), (layer, layer))
    frame = unpack(pack(Frame(3, trace, (None, None)), "copying"))
    about = {k: v for k, v in frame.pop("__metadata__").items() if k != "complex"} | {"layers": "0"}
    read = modules.evaluate(
        """async (bytes) => {
          const { readFrame } = await import("/assets/live/frame.js");
          return readFrame(new Uint8Array(bytes)).layers.map(({ K, h, weights }) =>
            [K, h === undefined, weights.heads, weights.signed, weights.data[5] * weights.unit]);
        }""",
        list(save(frame, about)),
    )
    assert [row[:4] for row in read] == [[0, True, 2, False]] * 2
    assert read[0][4] == pytest.approx(0.2, abs=1e-9)


@pytest.mark.parametrize("bytes_", [[], [1, 2, 3], [255] * 16])
def test_bytes_that_are_no_frame_are_refused(modules: Page, bytes_: list[int]) -> None:
    said = modules.evaluate(
        """async (bytes) => {
          const { readFrame } = await import("/assets/live/frame.js");
          try { readFrame(new Uint8Array(bytes)); return "read"; } catch (error) { return error.message; }
        }""",
        bytes_,
    )
    assert said.startswith("a frame needs a header")


def test_history_splits_into_its_frames_and_leaves_out_a_cut_one(modules: Page) -> None:
    frames = {step: bytes([step]) * size for step, size in [(0, 5), (10, 8), (20, 1)]}
    body = b"".join(wrapped(step, frame) for step, frame in frames.items())
    read = modules.evaluate(
        """async (bytes) => {
          const { splitHistory } = await import("/assets/live/frame.js");
          return splitHistory(new Uint8Array(bytes)).map(({ step, bytes }) => [step, Array.from(bytes)]);
        }""",
        list(body + wrapped(30, b"cut frame")[:12]),
    )
    assert read == [[step, list(frame)] for step, frame in frames.items()]


def test_state_in_its_own_unit_is_what_was_packed(modules: Page) -> None:
    twins = Twins(**SMALL)
    h = twins.layer("s6", 40, twins.tokens, 1).h
    read = modules.evaluate(
        """async (bytes) => {
          const { readFrame, stateAt, stateSize } = await import("/assets/live/frame.js");
          const { L, layers } = readFrame(new Uint8Array(bytes));
          return [stateAt(layers[1], L, 3, 2, 20), stateSize(layers[1], L, 3, 20)];
        }""",
        list(twins.frame("s6", 40)),
    )
    step = np.abs(h[:, 3]).max() / 127
    np.testing.assert_allclose(read, [h[20, 3, 2], np.sqrt((h[20, 3] ** 2).mean())], atol=step)


def test_main_directions_are_those_of_the_svd(modules: Page) -> None:
    X = np.random.default_rng(0).standard_normal((6, 40)) * np.array([5, 3, 1, 0.5, 0.2, 0.1])[:, None]
    read = modules.evaluate(
        """async (X) => {
          const { principal } = await import("/assets/live/principal.js");
          const { directions, share } = principal(X.length, X[0].length, (n, t) => X[n][t]);
          return [directions.map((v) => Array.from(v)), share];
        }""",
        X.tolist(),
    )
    U, S, _ = np.linalg.svd(X - X.mean(1, keepdims=True), full_matrices=False)
    for ours, theirs in zip(read[0], U.T, strict=False):
        assert abs(np.dot(ours, theirs)) > 0.999
    assert read[1] == pytest.approx((S[:2] ** 2).sum() / (S**2).sum(), rel=1e-3)


def test_thinned_curve_keeps_its_ends_of_range(modules: Page) -> None:
    values = np.random.default_rng(1).standard_normal(10_000)
    points = modules.evaluate(
        """async (values) => {
          const { thin } = await import("/assets/live/curves.js");
          return thin(values.map((_, i) => i), values, { left: 0, right: 200 });
        }""",
        values.tolist(),
    )
    assert len(points) <= 400
    assert [min(v for _, v in points), max(v for _, v in points)] == [values.min(), values.max()]
    assert [s for s, _ in points] == sorted(s for s, _ in points)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0, "0"),
        (0.0123456, "0.0123"),
        (1234.5, "1235"),
        (-9.04, "−9.04"),
        (1e-7, "1.0e−7"),
        (2.5e6, "2.5e6"),
        (None, "–"),
    ],
)
def test_numbers_are_said_with_three_digits(modules: Page, value: float | None, words: str) -> None:
    assert modules.evaluate("async (v) => (await import('/assets/canvas/words.js')).number(v ?? NaN)", value) == words


def test_csv_quotes_what_would_break_it(modules: Page) -> None:
    text = modules.evaluate(
        "async () => (await import('/assets/canvas/words.js')).toCsv([['a', 'b,c'], [1, 'say \"x\"']])"
    )
    assert text == 'a,"b,c"\n1,"say ""x"""\n'
