"""The update of a GPU without one."""

from tests.kernels import interpreter


@interpreter.needed
def test_the_flat_update_equals_the_optimisers_in_the_interpreter():
    interpreter.run("tests/training/flat_interpreted.py")
