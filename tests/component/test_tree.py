"""The tree that brackets make: read, laid out and computed in the browser as Python reads and computes it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ssmviz.settings import TaskSettings
from ssmviz.tasks import TASKS, rng_for
from ssmviz.tasks.listops import VOCAB
from tests.maths.conftest import js  # noqa: F401

pytestmark = pytest.mark.browser
TASK, SETTINGS = TASKS["listops"], TaskSettings(name="listops", L=32, n_data=3, vocab=VOCAB)
READ = """(module, rows, labels, operators) => rows.map((row) => {
  const root = module.treeOf(row, (id) => ({ label: labels[id][0], kind: labels[id][1] }), operators);
  if (!root) return null;
  const { nodes, leaves, levels } = module.laidOut(root);
  const columns = new Set(nodes.filter((node) => !node.name).map((node) => node.x)).size;
  return { value: root.value, leaves, levels, columns, words: module.spoken(root) };
})"""


@pytest.fixture
def trees(js: Callable[..., Any]) -> Callable[..., Any]:  # noqa: F811
    labels = [TASK.describe(SETTINGS)[token] for token in range(VOCAB)]
    operators = TASK.about(SETTINGS)["operators"]
    return lambda rows: js("../live/tree.js", READ, rows, [list(label) for label in labels], operators)


def test_every_list_comes_to_the_answer_of_the_task(trees: Callable[..., Any]) -> None:
    batch = TASK.sample(SETTINGS, rng_for(0, "probe"), 50)
    got = trees(batch.tokens)
    assert [tree["value"] for tree in got] == batch.targets[:, -1].tolist()
    assert [tree["leaves"] for tree in got] == (batch.tokens < 10).sum(1).tolist()
    assert all(tree["columns"] == tree["leaves"] for tree in got)
    assert max(tree["levels"] for tree in got) == 4  # three lists deep, and the digits


def test_a_tree_is_told_in_words(trees: Callable[..., Any]) -> None:
    row = np.array([[15, 11, 2, 9, 10, 4, 7, 14, 0, 14]])
    assert trees(row)[0]["words"] == "MAX of 2, 9, MIN of 4, 7 is 4, 0 is 9"


@pytest.mark.parametrize("row", [[15, 15], [10, 1], [1, 14], [10, 14], [10, 1, 14, 1], [10, 15, 1, 14]])
def test_what_is_no_list_has_no_tree(trees: Callable[..., Any], row: list[int]) -> None:
    assert trees(np.array([row])) == [None]
