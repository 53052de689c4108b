"""Write byoc/support/ops.json from the installed TVM and onnx: `python -m tests.support.generate_ops`."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

OPS_JSON = Path(__file__).parents[2] / "byoc" / "support" / "ops.json"

# What TVM's registry leaves out or states wrongly.
EXTRA_OPERANDS = {"strided_slice": ["axes", "begin", "end", "strides"]}
NO_TENSORS = {"unique": ["sorted", "return_index", "return_inverse", "return_counts", "axis"]}
ATTRS_KEYS = {"ccl.allgather": "relax.attrs.AllGatherAttrs"}
TENSORS = ("Tensor", "ffi::Optional<Tensor>", "Expr")
TUPLES = ("Tuple of Tensors", "List of Tensors", "Tuple", "ffi::Array<Expr>")
FIRST_OPSET = 7


def generate() -> str:
    """Return the text of ops.json: one op a line, Relax's ops first."""
    entries = {**relax_ops(), **onnx_ops()}
    lines = [f" {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


def relax_ops() -> dict[str, Any]:
    from tvm import ir

    names = sorted(n for n in map(str, ir.Op.list_op_names()) if n.startswith("relax."))
    return {name.removeprefix("relax."): _relax_op(ir.Op.get(name)) for name in names}


def _relax_op(op: Any) -> dict[str, list[str]]:
    name = op.name.removeprefix("relax.")
    # einsum's operands are a tuple, whatever its registration says.
    kinds = {arg.name: "Tuple" if name == "einsum" else str(arg.type_info) for arg in op.arguments}
    kinds |= dict.fromkeys(NO_TENSORS.get(name, ()), "PrimExpr")
    kinds |= dict.fromkeys(EXTRA_OPERANDS.get(name, ()), "Shape")
    entry = {
        "inputs": [arg for arg, kind in kinds.items() if kind in TENSORS + TUPLES],
        "attrs": [arg for arg, kind in kinds.items() if kind not in TENSORS + TUPLES]
        + _fields(ATTRS_KEYS.get(name) or op.attrs_type_key or _attrs_of_a_call(op)),
        "tuples": [arg for arg, kind in kinds.items() if kind in TUPLES],
    }
    if entry["inputs"] != list(kinds):
        entry["arguments"] = list(kinds)
    return {key: value for key, value in entry.items() if value}


def _attrs_of_a_call(op: Any) -> str:
    """Some ops register no attributes and have them all the same: make a call and look."""
    from tvm import relax

    function: Any = relax.op
    for part in op.name.split(".")[1:]:
        function = getattr(function, part, None)
    if function is None or any(str(arg.type_info) != "Tensor" for arg in op.arguments):
        return ""
    x = relax.Var("x", relax.TensorType([2, 3], "float32"))
    try:
        attrs = function(*[x] * len(op.arguments)).attrs
    except TypeError:
        return ""
    return "" if attrs is None else type(attrs).__tvm_ffi_type_info__.type_key


def _fields(type_key: str) -> list[str]:
    from tvm_ffi import core

    if not type_key:
        return []
    # Private, but three of the attribute types have no Python class to ask.
    info = core._lookup_or_register_type_info_from_type_key(str(type_key))
    return [field.name for field in info.fields]


def onnx_ops() -> dict[str, Any]:
    import onnx.defs

    versions: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for schema in onnx.defs.get_all_schemas_with_history():
        versions[schema.domain, schema.name].append(schema)
    result = {}
    for domain, name in sorted(versions):
        known = _in_use(domain, sorted(versions[domain, name], key=lambda s: -s.since_version))
        if known:
            result[f"{domain or 'onnx'}.{name}"] = _onnx_op(known)
    return result


def _in_use(domain: str, newest_first: list[Any]) -> list[Any]:
    """The versions of a schema that an opset from `FIRST_OPSET` on uses."""
    kept = []
    for schema in newest_first:
        if not schema.deprecated:
            kept.append(schema)
        if not domain and schema.since_version <= FIRST_OPSET:
            break
    return kept


def _onnx_op(newest_first: list[Any]) -> dict[str, list[str]]:
    parameters = [p for schema in newest_first for p in schema.inputs]
    entry = {
        "inputs": list(dict.fromkeys(p.name for p in parameters)),
        "attrs": list(dict.fromkeys(a for s in newest_first for a in sorted(s.attributes))),
        "tuples": sorted({p.name for p in parameters if "Variadic" in str(p.option)}),
    }
    return {key: value for key, value in entry.items() if value}


if __name__ == "__main__":
    OPS_JSON.write_text(generate(), encoding="utf-8")
