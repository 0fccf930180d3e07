"""States of widgets and messages that no browser sends: pages fall back to what they know, and the server stays up."""

import math

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg

from ssmviz.settings import TrainSettings

PAGES = ["", "lab", "selection", "weights", "runs", "join"]
BIG = 2**62
# kind of element -> values of its own type that it never offers
ODD = {
    "number_input": [("double_value", value) for value in (1e308, -1.0, 2.5)] + [("int_value", BIG)],
    "slider": [("double_array_value", [value]) for value in (math.nan, math.inf, 1e308, 0.123456)],
    "selectbox": [("string_value", value) for value in ("no such choice", "", "\0" * 9 + "x" * 100_000, "<script>")],
    "button_group": [("int_array_value", value) for value in ([99], [-1, BIG])]
    + [("string_array_value", value) for value in (["no such choice", "\0"], ["x" * 100_000])],
    "checkbox": [("bool_value", True)],
    "text_input": [("string_value", value) for value in ("\0", "x" * 100_000, "<script>alert(1)</script>", "../..")],
    "text_area": [("string_value", value) for value in ("\0", "x" * 100_000)],
    "radio": [("string_value", "no such choice"), ("int_value", BIG)],
}
WRONG = [
    ("int_value", BIG),
    ("double_value", math.nan),
    ("double_value", math.inf),
    ("string_value", "x"),
    ("bool_value", True),
    ("bytes_value", b"\xff"),
    ("json_value", "[" * 50_000),
    ("json_value", '{"a": NaN, "b": 1e999}'),
    ("int_array_value", [BIG]),
    ("string_array_value", ["x"]),
    ("json_trigger_value", '[{"event": "open", "value": "../../etc/passwd"}]'),
]
REDACTED = "The original error message is redacted"


def widgets(page):
    """(kind, id) of every widget of a page."""
    for element in page.elements:
        kind = element.WhichOneof("type")
        id_ = getattr(getattr(element, kind), "id", "")
        if id_.startswith("$$ID-"):
            yield kind, id_


def own_values(page):
    """One state after the other for all widgets of a page, each of a type that the widget has itself."""
    found = list(widgets(page))
    for turn in range(max(len(values) for values in ODD.values())):
        yield [(id_, *ODD[kind][turn]) for kind, id_ in found if kind in ODD and turn < len(ODD[kind])]


@pytest.mark.parametrize("path", PAGES)
def test_values_that_a_widget_does_not_offer_fall_back(visitor, path):
    first = visitor.open(path)
    kinds = [element.WhichOneof("type") for element in first.elements]
    for states in own_values(first):
        page = visitor.rerun(*states)
        assert page.crashes == [], states
    again = visitor.rerun()
    assert again.crashes == []
    assert [element.WhichOneof("type") for element in again.elements][:3] == kinds[:3]


def test_training_with_such_values_starts_nothing_out_of_bounds(visitor, store):
    first = visitor.open("lab")
    train = next(button.id for button in first.of("button") if button.label == "Train")
    for states in own_values(first):
        page = visitor.rerun(*states, (train, "trigger_value", True))
        assert page.crashes == []
    for experiment in store.experiments():
        for run in store.runs_of(experiment.id):
            assert TrainSettings.model_validate(run.settings.model_dump()) == run.settings


@pytest.mark.parametrize(("kind", "value"), WRONG, ids=[kind for kind, _ in WRONG])
def test_values_of_a_wrong_type_cost_the_page_of_who_sent_them_and_show_nothing_of_the_server(
    site, visitor, kind, value
):
    first = visitor.open("lab")
    page = visitor.rerun(*((id_, kind, value) for _, id_ in widgets(first)))
    assert all(REDACTED in crash for crash in page.crashes)
    shown = b"".join(element.SerializeToString() for element in page.elements)
    for word in (b"Traceback", b"site-packages", b"/ssmviz/", b'File "'):
        assert word not in shown
    assert site.visitor().open("lab").crashes == [], "somebody else"
    assert visitor.open("lab").crashes == [], "the same person, after a reload"


def test_what_is_no_message_ends_the_socket(site, visitor):
    for data, code in ((b"\xff" * 100, 1002), (b"\n" + b"\xff" * 3_000_000, 1009), ("text", 1000)):
        visitor.open("runs")
        assert visitor.send(data) in (code, 1006, 1011), data[:10]
        assert site.is_well()


@pytest.mark.parametrize(
    "message",
    [
        BackMsg(debug_shutdown_runtime=True),
        BackMsg(debug_disconnect_websocket=True),
        BackMsg(set_run_on_save=True),
        BackMsg(clear_cache=True),
        BackMsg(load_git_info=True),
        BackMsg(stop_script=True),
        BackMsg(),
    ],
    ids=lambda message: message.WhichOneof("type") or "empty",
)
def test_messages_for_developers_do_nothing_to_others(site, visitor, message):
    other = site.visitor()
    other.open("runs")
    visitor.open("runs")
    visitor.say(message)
    page = visitor.rerun()
    assert page.crashes == []
    assert b"uncommitted" not in page.raw
    assert other.rerun().crashes == []
    other.close()


def test_nobody_can_have_software_installed(site, visitor):
    message = BackMsg()
    message.backend_operation_request.request_id = "1"
    message.backend_operation_request.install_skills.SetInParent()
    visitor.open("runs")
    message.backend_operation_request.session_id = visitor.session
    before = sorted(path.name for path in (site.root.parent / "app").iterdir())
    visitor.say(message)
    answers = visitor.until("backend_operation_response")
    assert "not available" in answers.backend_operation_response.error_msg
    assert sorted(path.name for path in (site.root.parent / "app").iterdir()) == before
