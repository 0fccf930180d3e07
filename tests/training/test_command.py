"""The command line trains into the store of the app, can be stopped and resumed, and refuses nonsense in words."""

import io
import os
import signal
import subprocess
import sys
import uuid

import pytest

from ssmviz.presets import PRESETS, S4D, S6
from ssmviz.runs.recording import read_recording
from ssmviz.runs.store import Store
from ssmviz.traces import Step
from ssmviz.training import command
from ssmviz.training.__main__ import main
from ssmviz.training.arguments import parse
from ssmviz.training.screen import Screen

TINY = ["--L", "8", "--n_data", "2", "--vocab", "10", "--d_model", "8", "--N", "2", "--steps", "12", "--batch", "8"]
TINY += ["--eval_every", "5", "--eval_batch", "8", "--device", "cpu"]


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("SSMVIZ_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(command, "RECORDINGS", tmp_path / "recordings")
    return Store(tmp_path / "home")


def the_id(text):
    return next(word for word in text.split() if len(word) == 36 and str(uuid.UUID(word)) == word)


def evaluations(store, run):
    rows = [m.data for m in store.metrics_since(run) if m.kind == "evaluation"]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


def test_a_run_can_be_opened_in_the_app(store, capsys):
    assert main(["--task", "copying", "--layer", "s6", *TINY]) == 0
    text = capsys.readouterr().out
    (run,) = store.runs_of(the_id(text))
    assert (run.label, run.state, run.step) == (S6, "done", 12)
    assert [row["step"] for row in evaluations(store, run.id)] == [5, 10, 12]
    assert store.frame_steps(run.id)[0] == 0
    assert store.frame_steps(run.id)[-1] == 12
    assert not store.is_alive(run.id)


def test_the_table_shows_scores_ladder_time_and_machine(store, capsys):
    main(["--task", "selective_copying", "--twins", *TINY])
    text = capsys.readouterr().out
    for word in ("token", "sequence", "seconds", "ms/step", "device", "cpu", "fft", "S6 token", "S4D sequence"):
        assert word in text
    ladder = [line.split()[0] for line in text.splitlines() if line[:1].isdigit()]
    assert ladder == ["4", "8", "16", "32"]


def test_twins_are_one_experiment_with_the_same_batches(store, capsys):
    assert main(["--task", "selective_copying", "--twins", *TINY]) == 0
    runs = store.runs_of(the_id(capsys.readouterr().out))
    assert [(run.label, run.settings.model.layer) for run in runs] == [(S6, "s6"), (S4D, "s4d")]
    assert runs[0].settings.task == runs[1].settings.task
    assert runs[0].settings.seed == runs[1].settings.seed


def interrupt_at(step, monkeypatch):
    shown = Screen.show

    def show(self, result, event):
        shown(self, result, event)
        if isinstance(event, Step) and event.step == step:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Screen, "show", show)


def test_ctrl_c_saves_and_resuming_gives_the_same_curve(store, capsys, monkeypatch):
    handler = signal.getsignal(signal.SIGINT)
    words = ["--task", "selective_copying", "--twins", *TINY]
    main(words)
    whole = store.runs_of(the_id(capsys.readouterr().out))
    with monkeypatch.context() as patch:
        interrupt_at(7, patch)
        assert main(words) == command.INTERRUPTED
    text = capsys.readouterr().out
    experiment = the_id(text)
    assert f"--resume {experiment}" in text
    stopped = store.runs_of(experiment)
    assert [run.state for run in stopped] == ["interrupted", "interrupted"]
    saved = stopped[0].checkpoint_step
    assert 7 <= saved < 12
    assert main(["--resume", experiment]) == 0
    assert f"from step {saved}" in capsys.readouterr().out
    for first, again in zip(whole, store.runs_of(experiment), strict=True):
        assert again.state == "done"
        assert evaluations(store, first.id) == evaluations(store, again.id)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_diverged_run_says_so(store, capsys):
    assert main(["--task", "copying", "--lr", "1e9", *TINY]) == command.FAILED
    text = capsys.readouterr().out
    (run,) = store.runs_of(the_id(text))
    assert run.state == "diverged"
    assert "diverged at step" in text


def test_a_recording_can_be_read_like_any_experiment(store, tmp_path, capsys):
    assert main(["--task", "copying", "--twins", "--record", "tiny", *TINY]) == 0
    recording = read_recording(tmp_path / "recordings/tiny.ssmviz")
    assert [run.label for run in recording.summary().runs] == [S6, S4D]
    assert "recorded in" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--L", "5"], "task.L"),
        (["--L", "many"], "invalid int value"),
        (["--lr", "nan"], "optim.lr"),
        (["--task", "sorting"], "invalid choice"),
        (["--preset", "nothing"], "--preset must be one of"),
        (["--record", "../x"], "--record takes a name"),
        (["--resume", "4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb", "--lr", "1"], "leave the other options out"),
        (["--nonsense"], "unrecognized arguments"),
        (["--batch", "1024", "--N", "256", "--L", "65536"], "quarter of an hour"),
    ],
)
def test_bad_arguments_end_with_a_message_and_status_2(words, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    text = capsys.readouterr().err
    assert message in text
    assert "Traceback" not in text


def test_bad_arguments_need_not_wait_for_torch():
    code = (
        "import sys; from ssmviz.training.__main__ import main\n"
        "try: main(['--L', '5'])\n"
        "except SystemExit: sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0
    assert "task.L" in done.stderr


@pytest.mark.parametrize("name", ["../../etc/passwd", "4a09f8dd-ffa8-4fc3-8aaa-cea98e1ca7cb"])
def test_resuming_what_is_not_there_is_refused(store, name, capsys):
    assert main(["--resume", name]) == 2
    assert "ssmviz:" in capsys.readouterr().out


def test_finished_runs_are_not_resumed(store, capsys):
    main(["--task", "copying", *TINY])
    experiment = the_id(capsys.readouterr().out)
    assert main(["--resume", experiment]) == 2
    assert "no run that can be resumed" in capsys.readouterr().out


def test_without_a_terminal_nothing_moves(store, capsys):
    main(["--task", "copying", *TINY])
    assert "\r" not in capsys.readouterr().out


def test_on_a_terminal_the_bar_is_cleared_before_the_table():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    out = Terminal()
    screen = Screen(out)
    screen._out.write("x")
    screen._width = 1
    screen.say("done")
    assert out.getvalue() == "x\r \rdone\n"


def test_the_default_is_the_preset_of_the_task():
    assert parse([]).runs == PRESETS["selective_copying"].runs[:1]
    assert parse(["--task", "copying", "--twins"]).runs == PRESETS["copying"].runs
    assert parse(["--layer", "s4d"]).runs == PRESETS["selective_copying"].runs[1:]


def test_every_setting_is_an_option():
    order = parse(["--twins", "--seed", "3", "--no-curriculum", "--d-model", "16", "--b_discretisation", "zoh"])
    s6, s4d = (settings for _, settings in order.runs)
    assert (s6.seed, s6.optim.curriculum, s6.model.d_model) == (3, False, 16) == (s4d.seed, s4d.optim.curriculum, 16)
    assert s6.model.b_discretisation == "zoh"
