"""The walk over a region: each binding becomes ONNX nodes, each source group its ONNX node again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx
from onnx import helper
from tvm import ir, relax

from byoc.codegen.export._call import Call, Value
from byoc.codegen.export._dims import Dims
from byoc.codegen.export._finish import finish
from byoc.codegen.export._groups import Node, nodes_of
from byoc.codegen.export._host import inline
from byoc.codegen.export._weights import FILE, Weights
from byoc.codegen.export._writer import NewerOpset, Writer
from byoc.codegen.export.ops import EMITTERS
from byoc.errors import ExportError
from byoc.frontends.onnx.types import dtype_of, element_type
from byoc.frontends.onnx.values import constant_array
from byoc.support.ops import known_ops

if TYPE_CHECKING:
    from byoc.region import Region

DEFAULT_OPSET = 21
"""What vendors' compilers of today read: 16-bit and per-axis QDQ are in it, operators after it are few."""

OLDEST_OPSET = 13
"""The oldest opset that byoc writes: QDQ per axis and axes as inputs began there."""

MODEL = "model.onnx"

_DEQUANTIZE = ir.Op.get("relax.dequantize")


def export(
    region: Region, opset: int | None = None, outside: Weights | None = None
) -> onnx.ModelProto:
    """Write `region` as an ONNX model of the default domain's `opset`.

    When None, it is `DEFAULT_OPSET`, or the first newer one that has every operator of the region. Inputs and
    outputs are those of `region.function`, in order, under its names. Raises ExportError, naming the op and its
    source node, for what ONNX or the opset has no word for, and for constants beyond 2 GiB, of which those that go
    to `outside` are none.
    """
    newest = onnx.defs.onnx_opset_version()
    if opset is not None and not OLDEST_OPSET <= opset <= newest:
        raise ExportError(
            f"{region.vendor or 'the vendor'} asks for ONNX opset {opset}; byoc writes {OLDEST_OPSET} to {newest}. "
            "State another `opset` in the VendorSpec."
        )
    wanted = DEFAULT_OPSET if opset is None else opset
    while True:
        try:
            return _Walk(region, wanted, outside).run()
        except NewerOpset as need:
            if opset is not None or need.version > newest:
                raise ExportError(
                    f"{need.where}ONNX opset {wanted} has no word for it: {need}. State a newer `opset` in the "
                    "VendorSpec, or leave these nodes to the host."
                ) from need
            wanted = need.version


def save(region: Region, folder: Path, opset: int | None = None, *, weights: bool = True) -> Path:
    """Write `region` as the file `model.onnx` of `folder`, its large constants as the file `weights` beside it."""
    path = folder / MODEL
    with (folder / FILE).open("wb") as file:
        model = export(region, opset, Weights(file, hollow=not weights))
        is_empty = not file.seek(0, os.SEEK_END)
    if is_empty:
        (folder / FILE).unlink()
    path.write_bytes(model.SerializeToString(deterministic=True))
    return path


class _Walk:
    """One export. `values` maps the address of a Relax variable or constant to its ONNX value."""

    def __init__(self, region: Region, opset: int, outside: Weights | None) -> None:
        self.region, self.outside = region, outside
        self.writer = Writer(opset, outside=outside is not None)
        self.dims = Dims(self.writer)
        self.values: dict[int, Value] = {}
        self.final: dict[str, str] = {}
        self.casts: list[tuple[str, Any]] = []
        blocks = region.function.body.blocks
        self.bindings = [binding for block in blocks for binding in block.bindings]
        self.groups = nodes_of(region, self.bindings, opset)
        self.vars = {each.name: each for each in region.function.params}
        self.vars.update({each.var.name: each.var for each in self.bindings})
        self.calls = {
            each.var.name: None if isinstance(each, relax.MatchCast) else each.value
            for each in self.bindings
        }

    def run(self) -> onnx.ModelProto:
        inputs = [self._parameter(param) for param in self.region.function.params]
        self.writer.reserve([binding.var.name for binding in self.bindings])
        self._claim()
        for binding in self.bindings:
            try:
                self._binding(binding)
            except NewerOpset as need:
                need.where = need.where or self.writer.where()
                raise
        outputs = self._results()
        return finish(
            self.region, self.writer, inputs, outputs, self._hints(), self.final, self.outside
        )

    def _parameter(self, param: Any) -> onnx.ValueInfoProto:
        """An input of the model; a shape or an integer is an integer tensor."""
        name = self.writer.name(param.name)
        self.values[hash(param)] = name
        ty = param.ty
        if isinstance(ty, relax.ShapeType):
            self.writer.dtypes[name] = "int64"
            self.dims.from_elements(list(ty.values or ()), name)
            extent = None if ty.ndim < 0 else int(ty.ndim)
            return helper.make_tensor_value_info(name, onnx.TensorProto.INT64, [extent])
        if isinstance(ty, relax.TensorType):
            self.writer.dtypes[name] = dtype_of(ty)
            self.dims.from_tensor(ty, name)
            return self._info(name, ty)
        if ir.is_prim_expr(param):
            self.writer.dtypes[name] = str(ty.dtype)
            self.dims.from_scalar(param, name)
            return helper.make_tensor_value_info(name, element_type(str(ty.dtype)), [])
        raise ExportError(
            f"parameter {param.name!r} of the region is {ty}; an ONNX model takes tensors. "
            "Leave its ops to the host."
        )

    def _info(self, name: str, ty: Any) -> onnx.ValueInfoProto:
        dims: list[int | str | None] | None = None
        values = None if ty.shape is None else getattr(ty.shape, "values", None)
        if values is not None:
            dims = [self.dims.param(each) for each in values]
        elif ty.ndim >= 0:
            dims = [None] * int(ty.ndim)
        return helper.make_tensor_value_info(name, element_type(dtype_of(ty)), dims)

    def _binding(self, binding: Any) -> None:
        var = binding.var
        self._begin(var.name)
        start = len(self.writer.nodes)
        group = self.groups.get(var.name)
        if group is None:
            self._write(binding)
        elif group.bindings[-1] == var.name:
            self._write_group(group)
        self.writer.name_nodes(start, self._main_operator(binding, group))

    def _begin(self, name: str) -> None:
        """What is written from now on is of that binding."""
        self.writer.origin = tuple(self.region.origins.get(name) or (name,))
        self.writer.prefix = name

    def _main_operator(self, binding: Any, group: Node | None) -> str:
        """The ONNX operator that bears the origin's name, where others stand around it."""
        if group is not None:
            return group.group.op.rpartition(".")[2]
        emitter = EMITTERS.get(op_name(binding.value))
        return emitter.ops[0] if emitter is not None else ""

    def _write(self, binding: Any) -> None:
        var, value = binding.var, self._value(binding.value)
        self.values[hash(var)] = value
        if isinstance(value, str):
            self._name(value, var.name)
        if isinstance(binding, relax.MatchCast):
            self._cast(var.ty, value)

    def _write_group(self, node: Node) -> None:
        inputs = [self._group_input(node, formal, given) for formal, given in node.inputs]
        inline(self.writer, node.model, inputs, node.outputs)

    def _group_input(self, node: Node, formal: str, given: Any) -> str:
        if not isinstance(given, str):
            return self.writer.constant(given, f"{self.writer.prefix}_{formal}")
        var = self.vars[given]
        if not node.is_spread(formal, var):
            value: str = self.values[hash(var)]
            return value
        call = self.calls.get(given)
        if isinstance(call, ir.Call) and call.op == _DEQUANTIZE:
            return self._dequantized(given, call, formal)
        return self.writer.node("Reshape", [self.values[hash(var)], self.dims.vector([-1])])[0]

    def _dequantized(self, name: str, call: Any, formal: str) -> str:
        """A spread constant as the vector that it was, still quantised."""
        start, reader = len(self.writer.nodes), self.writer.prefix
        self._begin(name)
        stored = constant_array(call.args[0]).reshape(-1)
        inputs = [self.writer.constant(stored, f"{self.writer.prefix}_{formal}")]
        inputs += [self._argument("dequantize", index, call.args[index]) for index in (1, 2)]
        axis = 0 if call.args[1].ty.ndim else None
        if stored.dtype == "int32":
            inputs.pop()  # ONNX's int32 has no zero point
        (value,) = self.writer.node("DequantizeLinear", inputs, axis=axis)
        self.writer.name_nodes(start)
        self._begin(reader)
        return value

    def _claim(self) -> None:
        """Name the outputs of the groups that are written as ONNX nodes: others may read them first."""
        for binding in self.bindings:
            name = binding.var.name
            group = self.groups.get(name)
            if group is not None and name in group.outputs:
                self.values[hash(binding.var)] = name
                self.writer.made.add(name)
                self.final[name] = name
                self.writer.dtypes[name] = dtype_of(binding.var.ty)
                if isinstance(binding, relax.MatchCast):
                    self._cast(binding.var.ty, name)

    def _name(self, value: str, name: str) -> None:
        """Let what a binding made have the binding's name in the end."""
        if value in self.writer.made:
            self.final.setdefault(value, name)

    def _cast(self, ty: Any, value: Value) -> None:
        """A type that the model asserts: its dims can be read, and a vendor is told."""
        if isinstance(ty, relax.ShapeType):
            self.dims.from_elements(list(ty.values or ()), value)
        elif isinstance(ty, relax.TensorType) and isinstance(value, str):
            self.dims.from_tensor(ty, value)
            self.casts.append((value, ty))

    def _value(self, expr: Any) -> Value:
        """The ONNX value of an expression."""
        known = self.values.get(hash(expr))
        if known is not None:
            return known
        if isinstance(expr, ir.GenericConst):
            return self._constant(expr, "const")
        if isinstance(expr, ir.Tuple):
            return tuple(self._value(each) for each in expr.fields)
        if isinstance(expr, ir.TupleGetItem):
            return self._value(expr.tuple_value)[int(expr.index)]
        if isinstance(expr, ir.Call):
            return self._call(expr)
        if isinstance(expr, relax.ShapeExpr):
            return ()  # whoever needs a shape reads it from the type
        raise ExportError(
            f"{self.writer.where()}{type(expr).__name__} has no form in ONNX. Leave these nodes to the host."
        )

    def _constant(self, expr: Any, label: str) -> str:
        """The initializer of a Relax constant, made once."""
        key = hash(expr)
        if key not in self.values:
            base = f"{self.writer.prefix}_{label}"
            self.values[key] = self.writer.constant(constant_array(expr), base)
        found: str = self.values[key]
        return found

    def _call(self, expr: Any) -> Value:
        op = op_name(expr)
        if not isinstance(expr.op, ir.Op):
            name = getattr(expr.op, "name_hint", op) or type(expr.op).__name__
            raise ExportError(
                f"{self.writer.where()}a call of the function {name!r} has no form in ONNX."
            )
        if op == "call_pure_packed":
            return self._host_call(expr)
        emitter = EMITTERS.get(op)
        if emitter is None:
            raise ExportError(f"{self.writer.where()}{op} has no form in ONNX.")

        def read(index: int) -> Value:
            arg = expr.args[index]
            return self._argument(op, index, arg)

        return emitter.write(Call(op, expr, read, self.writer, self.dims))

    def _argument(self, op: str, index: int, arg: Any) -> Value:
        if not isinstance(arg, ir.GenericConst):
            return self._value(arg)
        names = known_ops()[op].arguments
        return self._constant(arg, names[index] if index < len(names) else "const")

    def _host_call(self, expr: Any) -> Value:
        """The ONNX nodes behind a host call."""
        symbol = str(getattr(expr.args[0], "global_symbol", expr.args[0]))
        data = self.region.host_nodes.get(symbol)
        if data is None:
            raise ExportError(
                f"{self.writer.where()}{symbol!r} is a packed function that no ONNX node stands behind."
            )
        model = onnx.load_model_from_string(data)
        inputs = [self._value(each) for each in list(expr.args)[1:]]
        tys = list(expr.ty.fields) if isinstance(expr.ty, relax.TupleType) else [expr.ty]
        outputs = [self.writer.value(self.writer.prefix, dtype_of(ty)) for ty in tys]
        inline(self.writer, model, inputs, outputs)
        return tuple(outputs) if isinstance(expr.ty, relax.TupleType) else outputs[0]

    def _results(self) -> list[onnx.ValueInfoProto]:
        """The outputs of the model; what is an input, a constant or an output already passes an Identity."""
        taken: set[str] = set()
        outputs = []
        for expr, name in self._flat(self.region.function.body.body, "output"):
            value: str = self._value(expr)
            if value in self.writer.made and value not in taken:
                self.final[value] = name
            else:
                self.writer.origin, self.writer.prefix = (), name
                start = len(self.writer.nodes)
                (value,) = self.writer.node("Identity", [value])
                self.writer.name_nodes(start)
            taken.add(value)
            outputs.append(self._info(self.final.get(value, value), expr.ty))
        return outputs

    def _flat(self, expr: Any, name: str) -> Iterator[tuple[Any, str]]:
        """The tensors of a result, each with the name of the binding that gives it."""
        name = getattr(expr, "name", name)
        value = self.calls.get(name) if isinstance(expr, ir.Var) else expr
        if isinstance(value, ir.Tuple):
            for index, field in enumerate(value.fields):
                yield from self._flat(field, f"{name}_{index}")
        elif isinstance(value, ir.Var) and value.name in self.calls:
            yield from self._flat(value, name)
        elif isinstance(expr.ty, relax.TupleType):
            for index in range(len(expr.ty.fields)):
                yield relax.TupleGetItem(expr, index), f"{name}_{index}"
        else:
            yield expr, name

    def _hints(self) -> list[onnx.ValueInfoProto]:
        return [self._info(self.final.get(value, value), ty) for value, ty in self.casts]


def op_name(expr: Any) -> str:
    """The Relax op that `expr` calls, without `relax.`, "" when it calls none."""
    return str(getattr(getattr(expr, "op", None), "name", "")).removeprefix("relax.")
