"""Emit: an expression of Relay's, as a callback makes it, becomes a Relax function of the values that it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from byoc.errors import ModelError, PatternError
from byoc.relay.expr import AnyDim, Call, Constant, Expr, TensorType, Tuple, TupleGetItem, TupleType

if TYPE_CHECKING:
    from tvm import relax

    from byoc.frontends.relay import ast

_FILE: Final = "the expression"


@dataclass(frozen=True)
class Emitted:
    """`function` takes `values`, the Relax values that the expression reads, in the order of its parameters.

    `origins` maps its bindings to the spans of the calls that they came from.
    """

    function: relax.Function
    values: tuple[Any, ...]
    origins: Mapping[str, tuple[str, ...]]


def emitted(
    expr: Expr,
    value_of: Callable[[Expr], Any],
    names: Iterable[str] = (),
    span: str = "",
) -> Emitted:
    """The Relax function of `expr`, its bindings named apart from `names`.

    `value_of` gives the Relax value that an expression stands for, None for one that is written out. Calls without
    a span get `span`. Raises PatternError for what has no form in Relax.
    """
    from byoc.frontends.relay import ast
    from byoc.frontends.relay.function import FunctionBuilder
    from byoc.frontends.relay.metadata import Metadata
    from byoc.frontends.relay.ops import OPERATORS

    writer = _Writer(value_of, span)
    body = writer.write(expr)
    at = writer.at
    params = [ast.Parameter(name, None, at) for name in (*writer.constants, *writer.values)]
    whole = ast.Scope(tuple(writer.bindings), body, at)
    function = ast.Function(tuple(params), {}, None, whole, at)
    types = {name: value.ty for name, value in writer.values.items()}
    builder = FunctionBuilder(
        _FILE,
        Metadata(ast.Module(), _FILE),
        operators=OPERATORS,
        call_global=_no_function,
        names=set(names),
    )
    try:
        made = builder.build(function, writer.constants, types, None)
    except ModelError as error:
        raise PatternError(str(error).removeprefix(f"{_FILE}:1:1: ")) from None
    return Emitted(made, tuple(writer.values.values()), builder.origins)


def inferred(expr: Expr) -> Any:
    """The type of an expression, as Relay's InferType finds it. Raises PatternError."""
    return relay_type(emitted(expr, variable).function.body.body.ty)


def variable(expr: Expr) -> Any:
    """A variable of its type for a value of a model, None for what a callback made."""
    from tvm import relax

    made = isinstance(expr, Call) and expr.made
    if made or isinstance(expr, Constant | Tuple | TupleGetItem):
        return None
    return relax.Var("value", _relax_type(expr.checked_type))


def relay_type(ty: Any) -> Any:
    """A Relax type as Relay's: TensorType or TupleType."""
    from tvm import relax, tirx

    from byoc.relay.expr import Int

    if isinstance(ty, relax.TupleType):
        return TupleType(tuple(relay_type(each) for each in ty.fields))
    shape = () if ty.shape is None else tuple(ty.shape)
    dims = [Int(int(d)) if isinstance(d, tirx.IntImm) else AnyDim(str(d)) for d in shape]
    return TensorType(tuple(dims), str(ty.dtype))


def _relax_type(type_: Any) -> Any:
    from tvm import relax, tirx

    if isinstance(type_, TupleType):
        return relax.TupleType([_relax_type(each) for each in type_.fields])
    dims = [
        int(dim) if isinstance(dim, int) else tirx.Var(f"d{place}", "int64")
        for place, dim in enumerate(type_.shape)
    ]
    return relax.TensorType(dims, type_.dtype)


def _no_function(name: Any) -> Any:
    raise PatternError(f"@{name.name}: an expression calls operators, no functions of a module")


@dataclass
class _Writer:
    """Writes expressions as syntax; `values` and `constants` are the parameters, by name."""

    value_of: Callable[[Expr], Any]
    span: str
    values: dict[str, Any] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    bindings: list[Any] = field(default_factory=list)
    known: dict[int, Any] = field(default_factory=dict)
    kept: list[Expr] = field(default_factory=list)

    @property
    def at(self) -> ast.Position:
        """The only place that there is."""
        from byoc.frontends.relay import ast

        return ast.Position(1, 1)

    def write(self, expr: Expr) -> Any:
        """The syntax of `expr`; the same object is one value."""
        if id(expr) not in self.known:
            self.kept.append(expr)  # an id means something only while its object lives
            self.known[id(expr)] = self._write(expr)
        return self.known[id(expr)]

    def _write(self, expr: Any) -> Any:
        from byoc.frontends.relay import ast

        if isinstance(expr, int | float):
            from byoc.relay.expr import const

            expr = const(expr)
        if not isinstance(expr, Expr):
            raise PatternError(
                f"{expr!r} of type {type(expr).__name__} in an expression; expected what "
                f"byoc.relay.op, byoc.relay.const and the callback's arguments give"
            )
        value = self.value_of(expr)
        if value is not None:
            return self._parameter(self.values, value)
        if isinstance(expr, Constant):
            return self._parameter(self.constants, expr.data.numpy())
        if isinstance(expr, Tuple):
            return ast.Tuple(tuple([self.write(each) for each in expr.fields]), self.at)
        if isinstance(expr, TupleGetItem):
            return ast.Projection(self.write(expr.tuple_value), int(expr.index), self.at)
        if not isinstance(expr, Call):
            raise PatternError(
                f"{type(expr).__name__} has no value here; expected one of the match"
            )
        args = tuple([self.write(each) for each in expr.args])
        attrs = {name: _simple(each) for name, each in expr.attrs.items()}
        call = ast.Call(
            ast.Operator(expr.op.name, self.at), args, attrs, self.at, str(expr.span or self.span)
        )
        name = str(len(self.bindings))
        self.bindings.append(ast.Binding(name, call, self.at))
        return ast.Local(name, self.at)

    def _parameter(self, place: dict[str, Any], value: Any) -> Any:
        from byoc.frontends.relay import ast

        name = f"p{len(self.values) + len(self.constants)}"
        place[name] = value
        return ast.Local(name, self.at)


def _simple(value: Any) -> Any:
    """An attribute as the text of a model has it."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return int(value)
    return tuple(map(_simple, value)) if isinstance(value, tuple | list) else value
