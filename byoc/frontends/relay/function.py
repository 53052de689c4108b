"""One function of Relay as a Relax function: names, bindings, branches, closures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from tvm import ir, relax, tirx

from byoc.errors import ModelError, nearest
from byoc.frontends.relay import ast, attributes
from byoc.frontends.relay.annotations import check_type, identifier, parameter_type
from byoc.frontends.relay.operation import Misfit, Operation, Row, relax_dtype
from byoc.frontends.relay.ops import IGNORED, fold
from byoc.frontends.relay.parser import fail
from byoc.frontends.relay.scopes import captured_names, escaping_names, has_branches
from byoc.frontends.relay.values import Accumulator, Closure, Fields, Value, constant

if TYPE_CHECKING:
    from byoc.frontends.relay.metadata import Metadata
    from byoc.frontends.relay.ndarray import Array

_DEEPEST = 100
"""Expressions within expressions; texts that TVM writes have two or three."""
_MOST = 100_000
"""Calls of functions that are put where they are called, and items of one tuple."""


_OP = re.compile(r"^In ir\.Op\(.*?support_level=\d+\), ")
_INTEGER = re.compile(r"\bT\.int64\((-?\d+)\)")


class FunctionBuilder:
    """A Relax function under construction.

    `operators` has each operator's row, `call_global` gives the Relax function that a name of the module is.
    `origins` maps the names of the bindings, which are none of `names`, to the source nodes they came from.
    """

    def __init__(
        self,
        file: str,
        metadata: Metadata,
        operators: Mapping[str, Row],
        call_global: Callable[[ast.Global], Any],
        names: Iterable[str] = (),
    ) -> None:
        self.file, self.metadata, self.call_global = file, metadata, call_global
        self.operators = operators
        self.builder = relax.BlockBuilder()
        self.bindings: list[Any] = []
        self._definitions: dict[str, Any] = {}
        self.origins: dict[str, tuple[str, ...]] = {}
        self._names = dict.fromkeys(names, 0)
        self._depth = 0
        self._dataflow = True
        self._inlined: tuple[str, ...] | None = None
        self._copies = 0

    def build(
        self,
        function: ast.Function,
        constants: Mapping[str, Array],
        types: Mapping[str, Any],
        attrs: Any,
    ) -> Any:
        """Make the function; parameters that `constants` has become constants, `types` replaces what is written.

        Raises ModelError with the place of what Relax has no form for.
        """
        names: dict[str, Value] = {}
        params = []
        for each in function.params:
            if each.name in names:
                fail(self.file, each.at, f"the parameter %{each.name} is there twice")
            if each.name in constants:
                names[each.name] = self._parameter_constant(each, constants[each.name])
                continue
            ty = types.get(each.name) or parameter_type(each, self.file)
            names[each.name] = relax.Var(self._unique(each.name), ty)
            params.append(names[each.name])
        return self._finish(function, names, params, attrs)

    def _finish(
        self, function: ast.Function, names: dict[str, Value], params: list[Any], attrs: Any
    ) -> Any:
        self._dataflow = not has_branches(function.body)
        escaping = escaping_names(function.body)
        self.builder.begin_scope(params)
        try:
            result = self._lower(function.body, names, escaping, "output")
            check_type(function.result, result, "the result", function.at, self.file)
            body = self._result(result, function.at)
            kind = relax.DataflowBlock if self._dataflow else relax.BindingBlock
            blocks = [kind(self.bindings)] if self.bindings else []
            whole = self.builder.normalize(relax.SeqExpr(blocks, body))
        finally:
            self.builder.end_scope()
        known = {dim: dim for param in params for dim in _symbols(param.ty)}
        ret_ty = relax.analysis.erase_to_well_defined(body.ty, known, {})
        made = relax.Function(params, whole, ret_ty, True)
        return made.with_attrs(attrs) if attrs else made

    def _result(self, value: Value, at: ast.Position) -> Any:
        operation = self._operation("the result", (), {}, at, "output", ())
        if isinstance(value, tuple):
            return self.builder.normalize(relax.Tuple([self._result(each, at) for each in value]))
        if isinstance(value, Closure):
            fail(self.file, at, "a function that gives a function has no form in byoc")
        if isinstance(value, Accumulator):
            value = operation.tensor(value)
        if isinstance(value, relax.DataflowVar) and self._dataflow:
            var = relax.Var(self._unique("output"), value.ty)
            self.bindings.append(relax.VarBinding(var, value))
            self.origins[var.name] = ()
            return var
        return value

    def _parameter_constant(self, param: ast.Parameter, array: Array) -> Any:
        given = param.type
        if isinstance(given, ast.TensorType):
            fits = len(given.shape) == array.ndim and all(
                not isinstance(dim, int) or dim == have
                for dim, have in zip(given.shape, array.shape, strict=False)
            )
            if not fits or str(array.dtype) != given.dtype:
                fail(
                    self.file,
                    param.at,
                    f"the parameter %{param.name} is a {given.dtype} of shape {given.shape}; the file of "
                    f"parameters has a {array.dtype} of shape {array.shape}",
                )
        return constant(array)

    def _unique(self, name: str) -> str:
        base = candidate = identifier(name)
        while candidate in self._names:
            self._names[base] += 1
            candidate = f"{base}_{self._names[base]}"
        self._names[candidate] = 0
        return candidate

    def _lower(
        self, expr: ast.Expr, names: dict[str, Value], escaping: frozenset[str], base: str
    ) -> Value:
        """Lower an expression; bindings of `escaping` become results of the function."""
        inlined = self._inlined
        if not isinstance(expr, ast.Scope):
            return self._expr(expr, names, base, inlined or (), base == "output")
        names = dict(names)
        for each in expr.bindings:
            if each.value is None:
                fail(self.file, each.at, f"%{each.name} is free: nothing binds it")
            label = f"v{each.name}" if each.name.isdigit() else each.name
            origins = (f"%{each.name}",) if inlined is None else inlined
            value = self._expr(each.value, names, label, origins, each.name in escaping)
            check_type(each.type, value, f"%{each.name}", each.at, self.file)
            names[each.name] = value
        return self._lower(expr.result, names, escaping, base)

    def _expr(
        self,
        expr: ast.Expr,
        names: dict[str, Value],
        base: str,
        origins: tuple[str, ...],
        escapes: bool = False,
    ) -> Value:
        self._depth += 1
        if self._depth > _DEEPEST:
            fail(self.file, expr.at, f"expressions within expressions, more than {_DEEPEST} deep")
        try:
            return self._dispatch(expr, names, base, origins, escapes)
        finally:
            self._depth -= 1

    def _dispatch(
        self,
        expr: ast.Expr,
        names: dict[str, Value],
        base: str,
        origins: tuple[str, ...],
        escapes: bool,
    ) -> Value:
        match expr:
            case ast.Local():
                return self._local(expr, names, base, origins)
            case ast.Scalar():
                return constant(np.asarray(expr.value).astype(relax_dtype(expr.dtype)))
            case ast.Meta():
                return constant(self.metadata.constant(expr.value, expr.at))
            case ast.Tuple():
                return self._tuple(expr, names, base, origins, escapes)
            case ast.Projection():
                value = self._expr(expr.value, names, base, origins)
                return self._project(value, expr.index, expr.at, base, origins, escapes)
            case ast.Call():
                return self._call(expr, names, base, origins, escapes)
            case ast.Function():
                return self._closure(expr, names, base)
            case ast.If():
                return self._if(expr, names, base, origins)
            case ast.Scope():
                return self._lower(expr, names, frozenset(), base)
            case _:
                pass
        return fail(
            self.file,
            expr.at,
            "an operator or a function of the module stands where a value is expected",
        )

    def _tuple(
        self,
        expr: ast.Tuple,
        names: dict[str, Value],
        base: str,
        origins: tuple[str, ...],
        escapes: bool,
    ) -> Fields:
        fields = Fields(self._expr(each, names, base, origins, escapes) for each in expr.fields)
        if fields.leaves > _MOST or fields.depth > _DEEPEST:
            fail(self.file, expr.at, "tuples of tuples, too large to be written out")
        return fields

    def _local(
        self, expr: ast.Local, names: dict[str, Value], base: str, origins: tuple[str, ...]
    ) -> Value:
        # `%x.0` may be a name, and is a projection when it is none.
        stem, indices = expr.name, list[str]()
        while stem not in names:
            stem, _, index = stem.rpartition(".")
            if not (stem and index.isdecimal() and len(index) < 10):
                near = nearest(expr.name, names)
                fail(self.file, expr.at, f"%{expr.name} is not bound here{near}")
            indices.append(index)
        value = names[stem]
        for index in reversed(indices):
            value = self._project(value, int(index), expr.at, base, origins, False)
        return value

    def _project(
        self,
        value: Value,
        index: int,
        at: ast.Position,
        base: str,
        origins: tuple[str, ...],
        escapes: bool,
    ) -> Value:
        if isinstance(value, tuple):
            if index >= len(value):
                fail(self.file, at, f"item {index} of a tuple of {len(value)}")
            return value[index]
        if isinstance(value, Accumulator | Closure) or not isinstance(value.ty, relax.TupleType):
            fail(self.file, at, f"item {index} of what is no tuple")
        if index >= len(value.ty.fields):
            fail(self.file, at, f"item {index} of a tuple of {len(value.ty.fields)}")
        return self._bind(relax.TupleGetItem(value, index), base, origins, escapes)

    def _call(
        self,
        expr: ast.Call,
        names: dict[str, Value],
        base: str,
        origins: tuple[str, ...],
        escapes: bool,
    ) -> Value:
        if expr.span:
            label, _, node = expr.span.rpartition("@@")
            base, origins = label or node, (node,)
        args = tuple(self._expr(each, names, base, origins) for each in expr.args)
        callee = expr.callee
        if isinstance(callee, ast.Operator):
            return self._operator(callee, expr, args, base, origins, escapes)
        if isinstance(callee, ast.Global):
            function = self.call_global(callee)
        else:
            function = self._expr(callee, names, base, origins)
        if expr.attrs:
            fail(self.file, expr.at, "attributes of a call of a function")
        if isinstance(function, Closure):
            return self._inline(function, args, expr.at, base, origins)
        if isinstance(function, tuple | Accumulator) or not isinstance(function.ty, relax.FuncType):
            fail(self.file, expr.at, "a call of what is no function")
        if len(function.ty.params or ()) != len(args):
            fail(
                self.file,
                expr.at,
                f"{len(args)} arguments for {len(function.ty.params or ())} parameters",
            )
        given = [self._argument(each, expr.at) for each in args]
        return self._attempt(
            lambda: self._bind(ir.Call(function, given), base, origins, escapes),
            "the call",
            expr.at,
        )

    def _argument(self, value: Value, at: ast.Position) -> Any:
        if isinstance(value, tuple):
            return self.builder.normalize(relax.Tuple([self._argument(each, at) for each in value]))
        if isinstance(value, Closure):
            fail(self.file, at, "a function as an argument has no form in byoc")
        if isinstance(value, Accumulator):
            return self._operation("call", (), {}, at, "argument", ()).tensor(value)
        return value

    def _inline(
        self,
        closure: Closure,
        args: tuple[Value, ...],
        at: ast.Position,
        base: str,
        origins: tuple[str, ...],
    ) -> Value:
        """The body of a function where it is called; what no span names comes from the call."""
        function = closure.function
        if len(function.params) != len(args):
            fail(self.file, at, f"{len(args)} arguments for {len(function.params)} parameters")
        self._copies += 1
        if self._copies > _MOST:
            fail(self.file, at, f"functions within functions, called more than {_MOST:,} times")
        names = dict(closure.names)
        for param, arg in zip(function.params, args, strict=True):
            check_type(param.type, arg, f"the argument %{param.name}", at, self.file)
            names[param.name] = arg
        outside, self._inlined = self._inlined, origins
        try:
            value = self._expr(function.body, names, base, origins)
        finally:
            self._inlined = outside
        check_type(function.result, value, "the result", at, self.file)
        return value

    def _closure(self, expr: ast.Function, names: dict[str, Value], base: str) -> Value:
        if "Composite" not in expr.attrs:
            return Closure(expr, captured_names(expr, names))
        inner = FunctionBuilder(self.file, self.metadata, self.operators, self.call_global)
        inner._names, inner._depth = self._names, self._depth
        attrs = kept_attrs(expr.attrs)
        made = inner.build(expr, {}, {}, attrs)
        self.origins.update(inner.origins)
        free = relax.analysis.free_vars(made)
        if free:
            fail(self.file, expr.at, f"a composite reads {free[0].name!r}, which it is not given")
        kind = relax.DataflowVar if self._dataflow else relax.Var
        var = kind(self._unique(str(expr.attrs["Composite"])), made.ty)
        self.bindings.append(relax.VarBinding(var, made))
        self.origins[var.name] = ()
        return var

    def _if(
        self, expr: ast.If, names: dict[str, Value], base: str, origins: tuple[str, ...]
    ) -> Value:
        condition = self._expr(expr.condition, names, base, origins)
        truth = ast.TensorType((), "bool")
        check_type(truth, condition, "the condition", expr.condition.at, self.file)
        if isinstance(condition, Closure):
            fail(self.file, expr.condition.at, "the condition is a function")
        branches = []
        for branch in (expr.then, expr.otherwise):
            outside, self.bindings = self.bindings, []
            try:
                result = self._argument(self._expr(branch, names, base, ()), expr.at)
                bound = self._bind(result, base, ())
                branches.append(relax.SeqExpr([relax.BindingBlock(self.bindings)], bound))
            finally:
                self.bindings = outside
        return self._attempt(
            lambda: self._bind(
                relax.If(condition, *[self.builder.normalize(each) for each in branches]),
                base,
                origins,
            ),
            "if",
            expr.at,
        )

    def _operator(
        self,
        callee: ast.Operator,
        expr: ast.Call,
        args: tuple[Value, ...],
        base: str,
        origins: tuple[str, ...],
        escapes: bool,
    ) -> Value:
        row = self.operators.get(callee.name)
        if row is None:
            fail(
                self.file,
                callee.at,
                f"byoc has no form for the operator {callee.name}{nearest(callee.name, self.operators)}; "
                "docs/relay.md lists those it has",
            )
        attrs = {name: value for name, value in expr.attrs.items() if name not in IGNORED}
        for name in attrs:
            if name not in row.defaults:
                fail(
                    self.file,
                    expr.at,
                    f"{callee.name} has no attribute {name}{nearest(name, row.defaults)}",
                )
        low, high = row.arguments
        if not low <= len(args) <= high:
            wanted = f"{low}" if low == high else f"{low} to {high}"
            fail(
                self.file,
                expr.at,
                f"{callee.name} takes {wanted} arguments; it is given {len(args)}",
            )

        def convert() -> Value:
            settled = attributes.settled(row.defaults, attrs)
            operation = self._operation(callee.name, args, settled, expr.at, base, origins)
            return self._bound(row.convert(operation), base, origins, escapes)

        return self._attempt(convert, callee.name, expr.at)

    def _attempt(self, convert: Callable[[], Value], what: str, at: ast.Position) -> Value:
        """Run a conversion; what it or TVM's type inference refuses is a ModelError of this place.

        Any other exception is a defect of the conversion and stays what it is, with the place as a note.
        """
        try:
            return convert()
        except ModelError:
            raise
        except Misfit as why:
            self._refuse(what, str(why), at)
        except Exception as error:
            if not is_refusal(error):
                error.add_note(f"{self.file}:{at.line}:{at.column}: while {what} became Relax")
                raise
            self._refuse(what, _line(error), at)

    def _refuse(self, what: str, why: str, at: ast.Position) -> NoReturn:
        fail(self.file, at, f"{what} has no form in Relax here: {why}")

    def _bound(self, value: Value, base: str, origins: tuple[str, ...], escapes: bool) -> Value:
        if isinstance(value, tuple):
            return tuple(self._bound(each, base, origins, escapes) for each in value)
        if isinstance(value, Accumulator | ir.Var | ir.GenericConst):
            return value
        return self._bind(value, base, origins, escapes)

    def _operation(
        self,
        name: str,
        args: tuple[Value, ...],
        attrs: Mapping[str, Any],
        at: ast.Position,
        base: str,
        origins: tuple[str, ...],
    ) -> Operation:
        def bind(expr: Any, word: str) -> Any:
            return self._bind(expr, f"{base}_{word}", origins)

        return Operation(name, args, attrs, bind, at, self._definition)

    def _definition(self, value: Value) -> Any:
        return self._definitions.get(value.name) if isinstance(value, ir.Var) else None

    def _bind(self, expr: Any, base: str, origins: tuple[str, ...], escapes: bool = False) -> Any:
        """Give an expression a variable, or fold it where its operands are constants."""
        value = self.builder.normalize(expr)
        folded = fold(value)
        if folded is not None:
            return folded
        kind = relax.DataflowVar if self._dataflow and not escapes else relax.Var
        var = kind(self._unique(base), value.ty)
        if isinstance(value, ir.Call) and origins:
            span = ir.Span(ir.SourceName(origins[0]), 0, 0, 0, 0)
            value = ir.Call(value.op, value.args, value.attrs, value.ty_args, span, value.ty)
        self.bindings.append(relax.VarBinding(var, value))
        self._definitions[var.name] = value
        self.origins[var.name] = origins
        return var


_REFUSALS = (ValueError, TypeError, IndexError, RuntimeError)
"""What TVM's type inference raises for operands that do not fit."""


def is_refusal(error: Exception) -> bool:
    """Whether TVM's inference raised the error.

    It is written in C++, and FFI appends the frames there to the traceback. An error that ends in byoc, or in FFI
    itself, which refuses an argument of a wrong type, is a mistake of byoc.
    """
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    file = frame.tb_frame.f_code.co_filename if frame else ""
    return isinstance(error, _REFUSALS) and file.endswith((".cc", ".h"))


def kept_attrs(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes of a function that say what it is, under Relax's names."""
    names = {"Compiler": "Codegen", "Composite": "Composite", "global_symbol": "global_symbol"}
    kept: dict[str, Any] = {
        names[key]: str(value) for key, value in attrs.items() if key in names and value
    }
    if attrs.get("Primitive"):
        kept["Primitive"] = True
    return kept


def _line(error: Exception) -> str:
    """The last line of what TVM says, without its spelling of operators and of integers."""
    lines = [each.strip() for each in str(error).splitlines() if each.strip()]
    words = _OP.sub("", lines[-1]) if lines else type(error).__name__
    return _INTEGER.sub(r"\1", words)[:300]


def _symbols(ty: Any) -> list[Any]:
    if isinstance(ty, relax.TupleType):
        return [dim for each in ty.fields for dim in _symbols(each)]
    return [dim for dim in (ty.shape or ()) if isinstance(dim, tirx.Var)]
