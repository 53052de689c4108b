"""Expressions of a support table: a small, bounded subset of Python on simpleeval, parsed once and evaluated often.

Allowed: names, the listed fields of a tensor, indexing and slicing, arithmetic, comparisons, `and or not`,
`x if c else y`, one-generator comprehensions and calls of the functions in `FUNCTIONS`. Nothing else parses:
no methods, no lambdas, no f-strings, no keyword arguments.
"""

from __future__ import annotations

import ast
import math
import operator
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from simpleeval import EvalWithCompoundTypes  # type: ignore[import-untyped]  # ships no types

from byoc.support.facts import Quant, Tensor

MAX_LENGTH: Final = 1_000
MAX_PARTS: Final = 200
MAX_ITEMS: Final = 100_000
MAX_BITS: Final = 4_096


class ExpressionError(Exception):
    """An expression cannot be used; `column` counts from 0 within it."""

    def __init__(self, message: str, column: int = 0) -> None:
        super().__init__(message)
        self.column = column


class UnknownError(Exception):
    """An expression needs a dimension (or a rank) that is not known when the model is partitioned."""


class NotConstantError(Exception):
    """An expression needs the data of a tensor that is no constant."""


class EvaluationError(Exception):
    """An expression cannot be evaluated for this op: a wrong type, a missing element, a division by zero."""


@dataclass(frozen=True, slots=True)
class UnknownDim:
    """Stands for a dimension without an extent; equal to itself by name, and unusable for anything else."""

    name: str

    @property
    def words(self) -> str:
        """How a message names the dimension."""
        return f"dimension {self.name}" if self.name else "a dimension"

    def __eq__(self, other: object) -> bool:
        if isinstance(other, UnknownDim) and other.name == self.name and self.name:
            return True
        return bool(self._refuse())

    __hash__ = object.__hash__

    def _refuse(self, *_: object) -> Any:
        raise UnknownError(self.words)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __lt__ = __le__ = __gt__ = __ge__ = __bool__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __mod__ = __rmod__ = _refuse
    __floordiv__ = __rfloordiv__ = __truediv__ = __rtruediv__ = __pow__ = __rpow__ = _refuse
    __neg__ = __pos__ = __abs__ = __index__ = __int__ = __float__ = _refuse


def _shape(tensor: Tensor) -> tuple[Any, ...]:
    if tensor.shape is None:
        raise UnknownError("its rank")
    return tuple(dim if isinstance(dim, int) else _unknown_dim(dim or "") for dim in tensor.shape)


@lru_cache(maxsize=4096)
def _unknown_dim(name: str) -> UnknownDim:
    return UnknownDim(name)


def elements(tensor: Tensor) -> int:
    """How many elements a tensor has. Raises UnknownError when a dimension is not known."""
    return math.prod(_shape(tensor))


@lru_cache(maxsize=256)
def bits(dtype: str) -> int:
    """The bits of one element of `dtype`; 8 for `bool`."""
    digits = "".join(c if c.isdigit() else " " for c in dtype).split()
    return int(digits[0]) if digits else 8


def size_in_bytes(tensor: Tensor) -> int:
    """The bytes a tensor takes, sub-byte dtypes packed. Raises UnknownError when a dimension is not known."""
    return -(-elements(tensor) * bits(tensor.dtype) // 8)


TENSOR_FIELDS: Final[Mapping[str, Callable[[Tensor], Any]]] = {
    "dtype": lambda t: t.dtype,
    "shape": _shape,
    "rank": lambda t: len(_shape(t)),
    "elements": elements,
    "bytes": size_in_bytes,
    "constant": lambda t: t.constant,
    "layout": lambda t: t.layout,
    "quant": lambda t: t.quant,
}
QUANT_FIELDS: Final[Mapping[str, Callable[[Quant], Any]]] = {
    "scale": lambda q: q.scale,
    "zero_point": lambda q: q.zero_point,
    "axis": lambda q: q.axis,
}


def _abs_sum(tensor: Tensor, axis: int) -> tuple[float, ...]:
    """Sums of absolute values, one for each index of `axis`."""
    import numpy as np

    if not isinstance(tensor, Tensor):
        raise TypeError("abs_sum takes an input and an axis")
    if tensor.value is None:
        raise NotConstantError
    data = np.asarray(tensor.value())
    kind = np.int64 if data.dtype.kind in "iub" else np.float64
    if not -data.ndim <= axis < data.ndim:
        raise IndexError(f"axis {axis} of {data.ndim} dimensions")
    others = tuple(i for i in range(data.ndim) if i != axis % data.ndim)
    return tuple(np.abs(data.astype(kind)).sum(axis=others).tolist())


def _prod(values: Iterable[Any]) -> Any:
    return math.prod(_numbers(values))


def _sum(values: Iterable[Any]) -> Any:
    return sum(_numbers(values))


def _numbers(values: Iterable[Any]) -> list[Any]:
    numbers = list(values)
    if not all(isinstance(each, int | float | UnknownDim) for each in numbers):
        raise TypeError("only numbers can be added or multiplied")
    return numbers


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "prod": _prod,
    "sum": _sum,
    "min": min,
    "max": max,
    "abs": abs,
    "len": len,
    "all": all,
    "any": any,
    "abs_sum": _abs_sum,
}


def _bounded(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Arithmetic on numbers and, for `+`, on short sequences: results cannot grow without limit."""

    def apply(left: Any, right: Any) -> Any:
        for each in (left, right):
            if isinstance(each, int) and each.bit_length() > MAX_BITS:
                raise OverflowError("a number is too large")
            if isinstance(each, str | tuple | list) and (
                function is not operator.add or len(each) > MAX_ITEMS
            ):
                raise TypeError("numbers were expected, not a sequence")
        return function(left, right)

    return apply


def _power(base: Any, exponent: Any) -> Any:
    if isinstance(base, UnknownDim) or isinstance(exponent, UnknownDim):
        raise UnknownError("a dimension")
    if abs(exponent) > 64 or abs(base) > 2**64:
        raise OverflowError("a power is too large (base up to 2**64, exponent up to 64)")
    return base**exponent


OPERATORS: Final[Mapping[type[ast.AST], Callable[..., Any]]] = {
    ast.Add: _bounded(operator.add),
    ast.Sub: _bounded(operator.sub),
    ast.Mult: _bounded(operator.mul),
    ast.Div: _bounded(operator.truediv),
    ast.FloorDiv: _bounded(operator.floordiv),
    ast.Mod: _bounded(operator.mod),
    ast.Pow: _power,
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}

_SYNTAX: Final = (
    *(
        ast.Expr,
        ast.Name,
        ast.Load,
        ast.Store,
        ast.Constant,
        ast.Attribute,
        ast.Subscript,
        ast.Slice,
    ),
    *(ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.And, ast.Or, ast.Compare, ast.IfExp, ast.Call),
    *(ast.Tuple, ast.List, ast.ListComp, ast.GeneratorExp, ast.comprehension),
    *OPERATORS,
)


class _Evaluator(EvalWithCompoundTypes):  # type: ignore[misc]  # simpleeval is untyped
    """simpleeval with byoc's operators, functions and fields; attributes are looked up, never `getattr`ed."""

    def __init__(self) -> None:
        super().__init__(operators=dict(OPERATORS), names={})
        self.functions = dict(FUNCTIONS)
        comprehension = self._eval_comprehension
        self.nodes |= {
            ast.Attribute: self._field,
            # Attributes are tuples, and `strides == [1, 1]` should be able to hold.
            ast.List: self._eval_tuple,
            ast.ListComp: lambda node: tuple(comprehension(node)),
        }

    def _field(self, node: ast.Attribute) -> Any:
        subject = self._eval(node.value)
        if isinstance(subject, Tensor):
            return TENSOR_FIELDS[node.attr](subject)
        if isinstance(subject, Quant):
            return QUANT_FIELDS[node.attr](subject)
        if isinstance(subject, dict):
            return subject[node.attr]
        raise TypeError(f"{ast.unparse(node.value)} has no fields, so no {node.attr!r}")

    def _check_disallowed_items(self, item: object) -> None:
        """Nothing disallowed can be reached: values are plain data and calls go to `FUNCTIONS` alone."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression: `names` are those it reads, first use first, comprehension variables left out."""

    text: str
    node: ast.expr
    names: tuple[str, ...]

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Evaluate with `values` for the names. Raises UnknownError, NotConstantError or EvaluationError."""
        return _evaluate(self.node, values)

    def sides(self, values: Mapping[str, Any]) -> tuple[str, Any] | None:
        """For a comparison `a <= b`, the text of `a` and its value, for a message; else None."""
        if not isinstance(self.node, ast.Compare) or isinstance(self.node.left, ast.Constant):
            return None
        return ast.unparse(self.node.left), _evaluate(self.node.left, values)


def _evaluate(node: ast.expr, values: Mapping[str, Any]) -> Any:
    evaluator = _THREAD.evaluator
    evaluator.names = values
    try:
        return evaluator.eval("", previously_parsed=node)
    except (UnknownError, NotConstantError):
        raise
    except Exception as e:  # whatever a rule does wrong is a refusal with its words, never a crash
        raise EvaluationError(_failure(e)) from e
    finally:
        evaluator.names = {}


def _failure(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]!r}"
    return (str(error) or type(error).__name__).splitlines()[0][:200]


class _Thread(threading.local):
    """An evaluator holds the names of the moment, so each thread has its own."""

    def __init__(self) -> None:
        self.evaluator = _Evaluator()


_THREAD = _Thread()


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """Parse an expression. Raises ExpressionError when it is no expression of the allowed subset."""
    stripped = text.strip()
    if not stripped:
        raise ExpressionError("an expression is missing")
    if len(stripped) > MAX_LENGTH:
        raise ExpressionError(f"an expression of {len(stripped)} characters; at most {MAX_LENGTH}")
    try:
        node = ast.parse(stripped.replace("\n", " "), mode="eval").body
    except SyntaxError as e:
        raise ExpressionError(f"{e.msg} in {stripped!r}", (e.offset or 1) - 1) from e
    except (ValueError, RecursionError, MemoryError) as e:
        raise ExpressionError(f"{stripped[:40]!r} cannot be parsed") from e
    bound = _check_syntax(node)
    names = [n.id for n in ast.walk(node) if isinstance(n, ast.Name) and not _is_function(n, node)]
    return Expression(stripped, node, tuple(dict.fromkeys(n for n in names if n not in bound)))


def _is_function(name: ast.Name, root: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(root))


def _check_syntax(root: ast.expr) -> set[str]:
    """Hold the tree to the subset and return the names that comprehensions bind."""
    bound: set[str] = set()
    comprehensions = 0
    parts = list(ast.walk(root))
    if len(parts) > MAX_PARTS:
        raise ExpressionError(f"an expression of {len(parts)} parts; at most {MAX_PARTS}")
    for part in parts:
        column = getattr(part, "col_offset", 0)
        if not isinstance(part, _SYNTAX):
            raise ExpressionError(f"{_syntax_name(part)} is not allowed in an expression", column)
        if isinstance(part, ast.Call) and (not isinstance(part.func, ast.Name) or part.keywords):
            raise ExpressionError(
                "only the functions of tables can be called, without keywords", column
            )
        if isinstance(part, ast.Attribute) and part.attr.startswith("_"):
            raise ExpressionError(f"{part.attr!r} is no field", column)
        if isinstance(part, ast.Constant) and not isinstance(part.value, int | float | str | None):
            raise ExpressionError(f"{part.value!r} is not allowed in an expression", column)
        if isinstance(part, ast.ListComp | ast.GeneratorExp):
            comprehensions += 1
            target = part.generators[0].target
            if comprehensions > 1 or len(part.generators) > 1 or not isinstance(target, ast.Name):
                raise ExpressionError(
                    "one comprehension with one plain variable is the limit", column
                )
            bound.add(target.id)
    return bound


def _syntax_name(node: ast.AST) -> str:
    words = {"Lambda": "lambda", "JoinedStr": "an f-string", "NamedExpr": "':='", "Starred": "'*'"}
    return words.get(type(node).__name__, type(node).__name__)
