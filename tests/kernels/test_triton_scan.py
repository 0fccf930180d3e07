"""The Triton kernels of the scan without a GPU."""

from tests.kernels import interpreter


@interpreter.needed
def test_kernels_equal_the_loop_in_the_interpreter():
    interpreter.run("tests/kernels/triton_interpreted.py")
