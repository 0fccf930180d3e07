# mypy: allow-untyped-calls
"""Sixteen float32 lanes as one numba value: a numba type for LLVM's `<16 x float>`.

Inside a jitted function, `Vector` supports `+ - * /` (also with Python numbers, which fill all lanes) and the
functions below. LLVM turns the sixteen lanes into whatever the machine has: one AVX-512 register, two of AVX,
four of SSE or NEON. Nothing here is callable from Python. The mathematics on top is in `vector_math.py`.

Addition and multiplication may be fused (`contract`); no other liberty is given to the compiler, so NaN and
infinity go through and a result does not depend on the loop around it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import ConcreteTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

from kernels.numba_runtime import inline

LANES = 16
FUSE = ("contract",)

_FLOAT = ir.FloatType()
_INT = ir.IntType(32)
_FLOATS = ir.VectorType(_FLOAT, LANES)
_INTS = ir.VectorType(_INT, LANES)
_BOOLS = ir.VectorType(ir.IntType(1), LANES)

Intrinsic = tuple[Any, Callable[[Any, Any, Any, Any], Any]]  # signature and code generator


class VectorType(types.Type):
    """Numba's type of a `Vector`."""

    def __init__(self) -> None:
        super().__init__(name=f"Vector({LANES} x float32)")


Vector = VectorType()


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):
    """A vector is a value of its LLVM type."""

    def __init__(self, manager: Any, kind: VectorType) -> None:
        super().__init__(manager, kind, _FLOATS)


def _intrinsic(code: Callable[..., Intrinsic]) -> Any:
    """Numba's `intrinsic`, whose function has other arguments inside a kernel than here."""
    return intrinsic(code)


def _fill(builder: Any, scalar: Any, kind: Any = _FLOATS) -> Any:
    """The scalar in every lane."""
    undefined = ir.Constant(kind, ir.Undefined)
    first = builder.insert_element(undefined, scalar, ir.Constant(_INT, 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(_INTS, [0] * LANES))


def _constant(number: float) -> Any:
    return ir.Constant(_FLOATS, [number] * LANES)


def _define_operator(python_operator: Callable[[Any, Any], Any], instruction: str) -> None:
    """Make `a op b` work where both are vectors, or one is a vector and the other a number."""
    numbers = (types.float32, types.float64, types.int64)
    pairs = [(Vector, Vector), *((Vector, n) for n in numbers), *((n, Vector) for n in numbers)]

    @infer_global(python_operator)
    class _Typing(ConcreteTemplate):
        cases = [signature(Vector, *pair) for pair in pairs]  # noqa: RUF012 - numba's interface

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        def vector(value: Any, kind: Any) -> Any:
            return value if kind == Vector else _fill(builder, context.cast(builder, value, kind, types.float32))

        left, right = map(vector, args, sig.args)
        return getattr(builder, instruction)(left, right, flags=FUSE)

    for pair in pairs:
        lower_builtin(python_operator, *pair)(lower)


_define_operator(operator.add, "fadd")
_define_operator(operator.sub, "fsub")
_define_operator(operator.mul, "fmul")
_define_operator(operator.truediv, "fdiv")


def _address(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    """Address of `array[index]` from (array, index), without bounds check or wrap-around."""
    (array_kind, index_kind), (array_value, index_value) = kinds, values
    array = context.make_array(array_kind)(context, builder, array_value)
    index = [
        context.cast(builder, value, kind, types.intp)
        for value, kind in zip(cgutils.unpack_tuple(builder, index_value), index_kind, strict=True)
    ]
    shape = cgutils.unpack_tuple(builder, array.shape)
    strides = cgutils.unpack_tuple(builder, array.strides)
    return cgutils.get_item_pointer2(context, builder, array.data, shape, strides, array_kind.layout, index)


def _vector_address(context: Any, builder: Any, kinds: Any, values: Any) -> Any:
    return builder.bitcast(_address(context, builder, kinds, values), _FLOATS.as_pointer())


def _first_lanes(builder: Any, count: Any) -> Any:
    """Mask of the lanes 0 ... count - 1."""
    counts = _fill(builder, builder.trunc(count, _INT), _INTS)
    return builder.icmp_signed("<", ir.Constant(_INTS, list(range(LANES))), counts)


def _call(builder: Any, name: str, result: Any, *args: Any) -> Any:
    """Call LLVM's own function `name`."""
    kind = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args)


@_intrinsic
def load(typing: Any, array: Any, *index: Any) -> Intrinsic:
    """`load(array, i, j, k)`: the sixteen neighbours from `array[i, j, k]` on (last axis contiguous)."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return builder.load(_vector_address(context, builder, sig.args, args), align=4)

    return Vector(array, types.StarArgTuple(index)), lower


@_intrinsic
def load_some(typing: Any, lanes: Any, array: Any, *index: Any) -> Intrinsic:
    """`load_some(lanes, array, i, j, k)`: as `load`, but only the first lanes; 0 in the others."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _vector_address(context, builder, sig.args[1:], args[1:])
        mask = _first_lanes(builder, args[0])
        return _call(
            builder, f"llvm.masked.load.v{LANES}f32.p0", _FLOATS, address, ir.Constant(_INT, 4), mask, _constant(0.0)
        )

    return Vector(types.intp, array, types.StarArgTuple(index)), lower


@_intrinsic
def store(typing: Any, value: Any, array: Any, *index: Any) -> Intrinsic:
    """`store(v, array, i, j, k)`: write all lanes from `array[i, j, k]` on (last axis contiguous)."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        builder.store(args[0], _vector_address(context, builder, sig.args[1:], args[1:]), align=4)
        return context.get_dummy_value()

    return types.void(value, array, types.StarArgTuple(index)), lower


@_intrinsic
def store_some(typing: Any, lanes: Any, value: Any, array: Any, *index: Any) -> Intrinsic:
    """`store_some(lanes, v, array, i, j, k)`: as `store`, but only the first lanes."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        address = _vector_address(context, builder, sig.args[2:], args[2:])
        mask = _first_lanes(builder, args[0])
        _call(builder, f"llvm.masked.store.v{LANES}f32.p0", ir.VoidType(), args[1], address, ir.Constant(_INT, 4), mask)
        return context.get_dummy_value()

    return types.void(types.intp, value, array, types.StarArgTuple(index)), lower


@_intrinsic
def spread(typing: Any, array: Any, *index: Any) -> Intrinsic:
    """`spread(array, i, j, k)`: the one number `array[i, j, k]` in every lane."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _fill(builder, builder.load(_address(context, builder, sig.args, args)))

    return Vector(array, types.StarArgTuple(index)), lower


@_intrinsic
def fill(typing: Any, number: Any) -> Intrinsic:
    """The number in every lane."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        return _fill(builder, args[0])

    return Vector(types.float32), lower


@_intrinsic
def where_less(typing: Any, a: Any, b: Any, then: Any, otherwise: Any) -> Intrinsic:
    """`then` in the lanes where a < b, `otherwise` in the others, also where a or b is NaN."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        left, right, yes, no = args
        return builder.select(builder.fcmp_ordered("<", left, right), yes, no)

    return Vector(a, b, then, otherwise), lower


@_intrinsic
def times_two_to_the(typing: Any, value: Any, shifted: Any) -> Intrinsic:
    """`value * 2**k`, where the integer k stands in the low mantissa bits of `shifted`: adds k to the exponent."""

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        bits, exponent = (builder.bitcast(a, _INTS) for a in args)
        exponent = builder.shl(exponent, ir.Constant(_INTS, [23] * LANES))
        return builder.bitcast(builder.add(bits, exponent), _FLOATS)

    return Vector(value, shifted), lower


@_intrinsic
def totals(typing: Any, array: Any, *index: Any) -> Intrinsic:
    """Sums over the lanes of the LANES vectors stored one after the other from `array[index]` on.

    Lane i of the result is the sum of vector i. Each round folds pairs of vectors into one, which takes three
    instructions a sum instead of eight, always in the same order.
    """

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        base = _vector_address(context, builder, sig.args, args)
        vectors = [builder.load(builder.gep(base, [ir.Constant(_INT, i)]), align=4) for i in range(LANES)]
        while len(vectors) > 1:
            half = len(vectors) // 2
            vectors = [_fold(builder, vectors[i], vectors[i + half], half) for i in range(half)]
        return vectors[0]

    return Vector(array, types.StarArgTuple(index)), lower


def _fold(builder: Any, a: Any, b: Any, width: int) -> Any:
    """Add neighbouring blocks of `width` lanes: (a0 + a1, b0 + b1, a2 + a3, b2 + b3, ...)."""
    lanes = [i // (2 * width) * 2 * width + i % width + i // width % 2 * LANES for i in range(LANES)]
    left, right = (
        builder.shuffle_vector(a, b, ir.Constant(_INTS, [lane + shift for lane in lanes])) for shift in (0, width)
    )
    return builder.fadd(left, right)


@inline
def read(lanes: int, array: Any, b: int, t: int, d: int) -> Any:
    """`load` of a whole group of channels, or of the last one's first `lanes`."""
    return load(array, b, t, d) if lanes == LANES else load_some(lanes, array, b, t, d)


@inline
def write(lanes: int, value: Any, array: Any, b: int, t: int, d: int) -> None:
    """`store` of a whole group of channels, or of the last one's first `lanes`."""
    if lanes == LANES:
        store(value, array, b, t, d)
    else:
        store_some(lanes, value, array, b, t, d)


@inline
def add_to(value: Any, array: Any, i: int, j: int) -> None:
    """array[i, j ...] += value."""
    store(load(array, i, j) + value, array, i, j)
