"""The command line, the shipped file, trained runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save

from ssmviz.settings import ModelSettings, TrainSettings
from ssmviz.weights import of_checkpoint, read, unpublishable
from ssmviz.weights.__main__ import TINY, main

ROOT = Path(__file__).parent.parent.parent
SHIPPED = ROOT / "assets" / "weights" / "tiny-random.safetensors"


def test_the_command_converts_there_and_back(tmp_path, capsys):
    there, back = tmp_path / "original.safetensors", tmp_path / "hf.safetensors"
    assert main([str(SHIPPED), str(there), "--layout", "original"]) == 0
    assert '"d_state": 16' in capsys.readouterr().out
    assert main([str(there), str(back)]) == 0
    assert back.read_bytes() == SHIPPED.read_bytes()


def test_the_command_refuses_and_writes_nothing(tmp_path, capsys):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"PK\x03\x04" * 9)
    assert main([str(bad), str(tmp_path / "out")]) == 1
    assert "zip archive" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
    with pytest.raises(SystemExit):
        main([str(tmp_path / "out")])


def test_the_shipped_model_is_what_its_command_makes(tmp_path):
    again = tmp_path / "again.safetensors"
    assert main(["--random", "0", str(again)]) == 0
    assert read(SHIPPED).sizes == TINY
    ours, theirs = load_file(SHIPPED), load_file(again)
    assert ours.keys() == theirs.keys()
    assert all(np.allclose(ours[name], theirs[name], rtol=1e-6, atol=0) for name in ours)


def test_reading_weights_loads_no_torch():
    code = "import sys, ssmviz.weights.__main__; assert not {'torch', 'pickle5', 'pandas'} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_checkpoint_gives_the_parameters_and_not_the_optimiser():
    data = save({"parameter/layers.0.mixer.D": np.ones(3, np.float32), "optimiser/x": np.ones(2, np.float32)})
    assert list(of_checkpoint(data)) == ["layers.0.mixer.D"]


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({}, ""),
        ({"layer": "s4d"}, "not S6"),
        ({"block": "plain"}, "not Mamba's"),
        ({"gate": False}, "switched off"),
        ({"d_conv": 0}, "switched off"),
        ({"selective": "delta B"}, "selective"),
        ({"b_discretisation": "zoh"}, "zoh"),
    ],
)
def test_only_runs_that_the_layouts_can_hold_are_offered(model, words):
    assert words in unpublishable(TrainSettings(model=ModelSettings(**model)))
    assert bool(words) == bool(unpublishable(TrainSettings(model=ModelSettings(**model))))
