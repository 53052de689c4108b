"""Fingerprint: the SHA-256 of all that can change what a vendor makes of a region, and of nothing else.

The region is written as one canonical JSON text: variables and symbolic dimensions by number in order of first use,
constants and the models of host calls by the digest of their bytes. Object identity plays no part, so that a region
that was pickled, or imported in another process, has the same text.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import tvm_ffi
from tvm import ir, relax, tirx

from byoc.partition.graph import listed

if TYPE_CHECKING:
    from byoc.region import Region

PLAIN = (bool, int, str, type(None))


def fingerprint(region: Region) -> str:
    """See `Region.fingerprint`."""
    text = _Writer(region).text()
    return hashlib.sha256(text.encode()).hexdigest()


class _Writer:
    """Writes one region; addresses of TVM's objects are keys, all of which live as long as the region."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.numbers: dict[int, int] = {}
        self.names: dict[str, int] = {}
        self.dims: dict[int, int] = {}
        self.constants: dict[int, list[Any]] = {}

    def text(self) -> str:
        region = self.region
        whole = {
            "name": region.name,
            "function": self._function(region.function),
            "named": [[name, self._known(at), list(path)] for name, at, path in region.named],
            "groups": [self._group(each) for each in region.groups],
            "composites": [
                [each.name, [self._known(name) for name in each.bindings]]
                for each in getattr(region, "composites", ())
            ],
        }
        return json.dumps(whole, sort_keys=True, separators=(",", ":"))

    def _function(self, function: Any) -> list[Any]:
        params = [[self._define(each), self._type(each.ty)] for each in listed(function.params)]
        return [params, self._sequence(function.body), self._type(function.ret_ty)]

    def _sequence(self, body: Any) -> list[Any]:
        blocks = []
        for block in listed(body.blocks):
            bindings = []
            for binding in listed(block.bindings):
                cast = isinstance(binding, relax.MatchCast)
                value = self._value(binding.value)
                bindings.append(
                    [cast, self._define(binding.var), self._type(binding.var.ty), value]
                )
            blocks.append([isinstance(block, relax.DataflowBlock), bindings])
        return [blocks, self._value(body.body)]

    def _define(self, var: Any) -> int:
        number = self.numbers.setdefault(hash(var), len(self.numbers))
        self.names.setdefault(var.name, number)
        return number

    def _known(self, name: str) -> Any:
        return self.names.get(name, -1)

    def _value(self, expr: Any) -> Any:
        """An expression: its kind, then what it is made of."""
        kind = type(expr)
        if kind is ir.Call and not ir.is_prim_expr(expr):
            return self._call(expr)
        if hash(expr) in self.numbers:
            return ["var", self.numbers[hash(expr)]]
        if kind is ir.GenericConst:
            return self._constant(expr)
        if isinstance(expr, ir.Tuple):
            return ["tuple", *(self._value(each) for each in listed(expr.fields))]
        if isinstance(expr, ir.TupleGetItem):
            return ["item", self._value(expr.tuple_value), int(expr.index)]
        if isinstance(expr, relax.ShapeExpr):
            return ["shape", *(self._plain(each) for each in listed(expr.values))]
        if isinstance(expr, relax.ExternFunc):
            return ["extern", self._symbol(str(expr.global_symbol))]
        if isinstance(expr, ir.GlobalVar):
            return ["global", str(expr.name_hint)]
        if isinstance(expr, relax.Function):
            return ["function", self._function(expr), self._plain(expr.attrs)]
        if isinstance(expr, relax.If):
            branches = [self._sequence(each) for each in (expr.true_branch, expr.false_branch)]
            return ["if", self._value(expr.cond), *branches]
        return ["plain", self._plain(expr)]

    def _call(self, call: Any) -> list[Any]:
        op = call.op
        callee = str(op.name) if isinstance(op, ir.Op) else self._value(op)
        args = [self._value(each) for each in listed(call.args)]
        types = [self._type(each) for each in listed(call.ty_args)]
        return ["call", callee, args, self._plain(call.attrs), types]

    def _constant(self, constant: Any) -> list[Any]:
        known = self.constants.get(hash(constant))
        if known is None:
            known = ["constant", *_data(constant.value.numpy()), str(constant.ty.dtype)]
            self.constants[hash(constant)] = known
        return known

    def _symbol(self, symbol: str) -> str:
        """A host call by the model behind it: its own number says only where in the model it stood."""
        model = self.region.host_nodes.get(symbol)
        return symbol if model is None else hashlib.sha256(nameless(model)).hexdigest()

    def _type(self, ty: Any) -> Any:
        if isinstance(ty, relax.TensorType):
            shape = None if ty.shape is None else self._value(ty.shape)
            return ["tensor", str(ty.dtype), int(ty.ndim), shape]
        if isinstance(ty, relax.TupleType):
            return ["tuple", *(self._type(each) for each in listed(ty.fields))]
        if isinstance(ty, relax.ShapeType):
            values = (
                None if ty.values is None else [self._plain(each) for each in listed(ty.values)]
            )
            return ["shape", int(ty.ndim), values]
        return str(ty)

    def _plain(self, value: Any) -> Any:
        """An attribute, a dimension, or any other TVM object by its fields."""
        if isinstance(value, PLAIN):
            return str(value) if isinstance(value, str) else value
        if isinstance(value, float):
            return value.hex()
        if isinstance(value, tirx.IntImm | tirx.FloatImm):
            return [str(value.ty), self._plain(value.value)]
        if isinstance(value, ir.Var):
            return ["dim", self.dims.setdefault(hash(value), len(self.dims))]
        if isinstance(value, ir.Op):
            return str(value.name)
        if isinstance(value, tvm_ffi.Array | tuple | list):
            return [self._plain(each) for each in value]
        if isinstance(value, tvm_ffi.Map | dict | ir.DictAttrs):
            return {str(key): self._plain(value[key]) for key in value.keys()}  # noqa: SIM118  # no iterator
        info = getattr(type(value), "__tvm_ffi_type_info__", None)
        fields = [] if info is None else [each.name for each in info.fields]
        if not fields:
            return str(value)
        inner = {name: self._plain(getattr(value, name)) for name in fields if name != "span"}
        return [type(value).__name__, str(getattr(value, "ty", "")), inner]

    def _group(self, group: Any) -> list[Any]:
        return [
            group.op,
            [self._known(name) for name in group.bindings],
            {name: self._given(each) for name, each in group.inputs.items()},
            [self._known(name) if name else None for name in group.outputs],
            {name: self._given(each) for name, each in group.attrs.items()},
            self._symbol(group.host) if group.host else "",
            group.opset,
        ]

    def _given(self, given: Any) -> Any:
        if isinstance(given, np.ndarray | np.generic):
            return ["data", *_data(np.asarray(given))]
        if isinstance(given, tuple | list):
            return [self._given(each) for each in given]
        if isinstance(given, str):
            return ["name", self.names[given]] if given in self.names else ["text", given]
        return given.hex() if isinstance(given, float) else given


def _data(array: Any) -> tuple[str, list[int], str]:
    # bfloat16 and its kin are no buffers of their own dtype.
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return array.dtype.name, list(array.shape), hashlib.sha256(data.data).hexdigest()


def nameless(model: bytes) -> bytes:
    """A one-node ONNX model with numbers in place of all its names, and without what only people read."""
    import onnx

    proto = onnx.load_model_from_string(model)
    named: dict[str, str] = {}
    for field in ("producer_name", "producer_version", "doc_string"):
        proto.ClearField(field)
    del proto.metadata_props[:]
    _forget(proto.graph, named)
    return bytes(proto.SerializeToString(deterministic=True))


def _forget(graph: Any, named: dict[str, str]) -> None:
    """Number the names in `graph` and its nodes' subgraphs; ONNX's names are unique across nested graphs."""

    def number(name: str) -> str:
        return named.setdefault(name, f"v{len(named)}") if name else ""

    graph.name, graph.doc_string = "g", ""
    for value in (*graph.input, *graph.output, *graph.value_info):
        value.name, value.doc_string = number(value.name), ""
        for dim in value.type.tensor_type.shape.dim:
            if dim.HasField("dim_param"):
                dim.dim_param = number(f"dim {dim.dim_param}")
    for tensor in graph.initializer:
        tensor.name, tensor.doc_string = number(tensor.name), ""
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [number(name) for name in node.input]
        node.output[:] = [number(name) for name in node.output]
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                _forget(inner, named)
