"""Writer: the ONNX graph under construction, held to the schemas of one opset."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any

import onnx
from onnx import TensorProto, helper

from byoc.codegen.export._weights import Array, goes_outside
from byoc.errors import ExportError

LIMIT = 2**31 - 1
"""The most bytes that one protobuf message holds."""

_SMALL = 1024  # constants up to this size are shared by content


class NewerOpset(Exception):  # noqa: N818 (a verdict, not an error)
    """The graph needs `version` of ONNX; the message says what for, `where` names the source nodes."""

    def __init__(self, version: int, reason: str, where: str = "") -> None:
        self.version, self.where = version, where
        super().__init__(reason)


class Writer:
    """Nodes and constants in the order of writing, names unique, dtypes as far as they are known.

    `origin` names the source nodes of what is being written: the ONNX nodes are named after the first. `made` are
    the values that nodes make. `outside` says that large constants are no part of the model's message.
    """

    def __init__(self, opset: int, *, outside: bool = False) -> None:
        self.opset, self._outside = opset, outside
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.dtypes: dict[str, str] = {}
        self.made: set[str] = set()
        self.domains: dict[str, int] = {}
        self.functions: dict[tuple[str, str], onnx.FunctionProto] = {}
        self.origin: tuple[str, ...] = ()
        self.prefix = "v"
        self.bytes = 0
        self._names: set[str] = set()
        self._node_names: set[str] = set()
        self._shared: dict[tuple[Any, ...], str] = {}

    def name(self, base: str) -> str:
        """A value name made of `base`, different from all before it."""
        name = _numbered(re.sub(r"[^\w./:-]", "_", base) or "v", self._names)
        self._names.add(name)
        return name

    def reserve(self, names: Iterable[str]) -> None:
        """Keep `names` for values that are named at the end."""
        self._names.update(names)

    def value(self, base: str, dtype: str) -> str:
        """The name of a value that a node makes which is written elsewhere."""
        name = self.name(base)
        self.dtypes[name] = dtype
        self.made.add(name)
        return name

    def name_nodes(self, start: int, main: str = "") -> None:
        """Name the nodes from number `start` on after the origin; the first one of operator `main` goes first."""
        nodes = self.nodes[start:]
        nodes.sort(key=lambda node: node.op_type != main)
        for node in nodes:
            base = self.origin[0] if self.origin else self.prefix
            node.name = _numbered(base, self._node_names)
            self._node_names.add(node.name)

    def constant(self, array: Array, base: str) -> str:
        """An initializer that holds `array`; small equal ones are one."""
        is_shared = array.nbytes <= _SMALL and array.dtype != object
        key = (str(array.dtype), array.shape, array.tobytes()) if is_shared else ()
        if key and key in self._shared:
            return self._shared[key]
        name = self.name(base)
        if not (self._outside and goes_outside(array)):
            self.bytes += array.nbytes
        if self.bytes > LIMIT:
            raise ExportError(
                f"the constants of this region come to {self.bytes:,} bytes and more; an ONNX model in one piece "
                f"holds {LIMIT:,}. Limit the segments in the vendor's table: `segments: {{max_constant_bytes: "
                "1GiB}}`."
            )
        self.constants[name] = array
        self.dtypes[name] = dtype_name(helper.np_dtype_to_tensor_dtype(array.dtype))
        if key:
            self._shared[key] = name
        return name

    def node(
        self,
        op: str,
        inputs: Sequence[str | None],
        outputs: int | Sequence[str] = 1,
        domain: str = "",
        **attrs: Any,
    ) -> list[str]:
        """Write one node of ONNX's own domain; return its outputs' names.

        `outputs` is how many, or their names. Attributes that are None are left out. Raises NewerOpset when a later
        opset has the operator or takes these types, ExportError when none does.
        """
        given = [each or "" for each in inputs]
        while given and not given[-1]:
            given.pop()
        schema = self._schema(op, domain)
        self._check_types(schema, given)
        count = outputs if isinstance(outputs, int) else len(outputs)
        names = (
            [self.name(self.prefix if count == 1 else f"{self.prefix}_{i}") for i in range(count)]
            if isinstance(outputs, int)
            else list(outputs)
        )
        node = onnx.NodeProto(op_type=op, domain=domain, input=given, output=names)
        for key in sorted(key for key, value in attrs.items() if value is not None):
            node.attribute.append(_attribute(schema, key, attrs[key]))
        self.nodes.append(node)
        for index, name in enumerate(names):
            if name:
                self.made.add(name)
                self._note_dtype(schema, node, index, name)
        return names

    def _schema(self, op: str, domain: str) -> Any:
        if onnx.defs.has(op, self.opset, domain):
            return onnx.defs.get_schema(op, self.opset, domain)
        if onnx.defs.has(op, domain):
            since = first_version(op)
            raise NewerOpset(since, f"{op} came with opset {since}")
        raise ExportError(f"{self.where()}ONNX has no operator {op}.")

    def where(self) -> str:
        """The beginning of a complaint: the source nodes that are being written."""
        return f"node {', '.join(map(repr, self.origin))}: " if self.origin else ""

    def _check_types(self, schema: Any, inputs: Sequence[str]) -> None:
        """Hold the inputs whose dtypes are known to the schema's."""
        for index, name in enumerate(inputs):
            dtype = self.dtypes.get(name)
            if dtype is None or takes(schema, index, dtype):
                continue
            newer = _first_taking(schema.name, index, dtype, self.opset)
            if newer:
                words = f"{schema.name} takes {dtype} from opset {newer} on"
                raise NewerOpset(newer, words)
            raise ExportError(f"{self.where()}ONNX's {schema.name} does not take {dtype}.")

    def _note_dtype(self, schema: Any, node: onnx.NodeProto, index: int, name: str) -> None:
        formal = schema.outputs[min(index, len(schema.outputs) - 1)]
        text = formal.type_str
        if text.startswith("tensor("):
            self.dtypes[name] = _SPELLED[text]
            return
        attrs = {each.name: each.i for each in node.attribute if each.name in ("to", "dtype")}
        if attrs:
            self.dtypes[name] = dtype_name(next(iter(attrs.values())))
            return
        for place, each in enumerate(node.input):
            like = schema.inputs[min(place, len(schema.inputs) - 1)].type_str
            if like == text and each in self.dtypes:
                self.dtypes[name] = self.dtypes[each]
                return


def _numbered(base: str, taken: set[str]) -> str:
    name, count = base, 0
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name


def _attribute(schema: Any, key: str, value: Any) -> onnx.AttributeProto:
    if isinstance(value, onnx.AttributeProto):
        return value
    formal = schema.attributes.get(key)
    kind = None if formal is None else int(formal.type)
    if isinstance(value, tuple):
        value = list(value)
    return helper.make_attribute(key, value, attr_type=kind)


def takes(schema: Any, index: int, dtype: str) -> bool:
    """Whether the operator's input number `index` may have that dtype."""
    if not schema.inputs:
        return False
    formal = schema.inputs[min(index, len(schema.inputs) - 1)]
    return not formal.types or type_text(dtype) in formal.types


@functools.cache
def first_version(op: str) -> int:
    """The first opset that has an operator."""
    return min(
        each.since_version
        for each in onnx.defs.get_all_schemas_with_history()
        if each.name == op and each.domain == ""
    )


@functools.cache
def _first_taking(op: str, index: int, dtype: str, opset: int) -> int:
    for version in range(opset + 1, onnx.defs.onnx_opset_version() + 1):
        if onnx.defs.has(op, version) and takes(onnx.defs.get_schema(op, version), index, dtype):
            return version
    return 0


_TEXTS = {
    "float32": "float",
    "float64": "double",
    "float8_e4m3fn": "float8e4m3fn",
    "float8_e4m3fnuz": "float8e4m3fnuz",
    "float8_e5m2": "float8e5m2",
    "float8_e5m2fnuz": "float8e5m2fnuz",
    "complex64": "complex64",
}


def type_text(dtype: str) -> str:
    """A dtype as schemas write it: `tensor(float)`."""
    return f"tensor({_TEXTS.get(dtype, dtype)})"


def dtype_name(element: int) -> str:
    """A TensorProto element type as a dtype name."""
    name: str = TensorProto.DataType.Name(element).lower()
    return {text: dtype for dtype, text in _TEXTS.items()}.get(name, name)


_SPELLED = {type_text(dtype_name(each)): dtype_name(each) for each in TensorProto.DataType.values()}
