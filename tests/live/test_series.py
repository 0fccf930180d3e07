from ssmviz.live.series import EVALUATION, Series
from ssmviz.runs.records import Metric


def steps(rowid, *numbers):
    return Metric(rowid, "steps", numbers[-1], {"steps": list(numbers), "losses": [float(n) for n in numbers]})


def evaluation(rowid, step):
    values = dict.fromkeys(EVALUATION, 0.5) | {"position_accuracy": [0.5], "step": step}
    return Metric(rowid, "evaluation", step, values)


def rung(rowid):
    values = {"step": 9, "length": 32, "token_accuracy": 1.0, "sequence_accuracy": 1.0, "sequences": 8}
    return Metric(rowid, "rung", 9, values)


def replay(parts):
    """What a browser holds that follows the increments."""
    held = Series().columns
    for part in parts:
        if part["truncate"] is not None:
            for table in (held["losses"], held["evaluations"]):
                keep = [i for i, step in enumerate(table["step"]) if step <= part["truncate"]]
                for name in table:
                    table[name] = [table[name][i] for i in keep]
            held["rungs"] = []
        for table in ("losses", "evaluations"):
            for name in held[table]:
                held[table][name] += part[table][name]
        held["rungs"] += part["rungs"]
    return held


def test_nothing_new_is_nothing_to_tell():
    assert Series().fold([]) is None


def test_increments_add_up_to_the_whole():
    series = Series()
    started = Metric(1, "started", 0, {})
    batches = [[started, steps(2, 1, 2)], [steps(3, 3, 4), evaluation(4, 4)], [rung(5)]]
    assert replay([series.fold(batch) for batch in batches]) == series.columns
    assert series.columns["losses"]["step"] == [1, 2, 3, 4]
    assert series.columns["rungs"] == [
        {"length": 32, "token_accuracy": 1.0, "sequence_accuracy": 1.0, "sequences": 8},
    ]


def test_a_resumed_attempt_replaces_what_came_after_its_checkpoint():
    series = Series()
    parts = [
        series.fold([Metric(1, "started", 0, {}), steps(2, 1, 2, 3), evaluation(3, 3)]),
        series.fold([steps(4, 4, 5), evaluation(5, 5), rung(6), Metric(7, "started", 3, {}), steps(8, 4)]),
    ]
    assert parts[1]["truncate"] == 3
    assert series.columns["losses"]["step"] == [1, 2, 3, 4]
    assert series.columns["evaluations"]["step"] == [3]
    assert series.columns["rungs"] == []
    assert replay(parts) == series.columns
