"""Relax modules from short tuples, for the tests of every stage.

Ids count the inputs first, then the nodes. A node is `(op, operands)` or `(op, operands, keywords)`:
`op` is a name under `relax.op` (`nn.conv2d`; `relu` for short), `tuple` or `item` (keyword `index`). An
operand is an id, a numpy array or float (a constant), or a list of operands (a tuple in the call itself).
Keywords go to the function of `relax.op`; `name` names the binding, `v7` otherwise.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import attrgetter
from typing import Any

import numpy as np
from tvm import IRModule, ir, relax, tirx

SHORT = {"relu": "nn.relu", "conv2d": "nn.conv2d", "softmax": "nn.softmax"}

Shape = Sequence[int | str]


def module(
    nodes: Iterable[Sequence[Any]],
    outputs: Sequence[int] = (),
    inputs: Sequence[Shape] = ((4, 4),),
    *,
    dtypes: Sequence[str] = (),
    dataflow: bool = True,
    joined: bool = False,
    function: str = "main",
) -> IRModule:
    """A module of one function `x0, x1, ... -> outputs` (the last node when none are given).

    A string in a shape of `inputs` is a symbolic dimension. With `joined` the outputs are subtracted from
    left to right into one, as the host does in relay_partitions.jsonl.
    """
    nodes = list(nodes)
    builder = relax.BlockBuilder()
    values: list[Any] = parameters(inputs, dtypes)
    wanted = list(outputs) or [len(values) + len(nodes) - 1]
    with builder.function(function, list(values)):
        if dataflow:
            with builder.dataflow():
                emit(builder, values, nodes)
                result = builder.emit_output(_result(builder, values, wanted, joined), "result")
        else:
            emit(builder, values, nodes)
            result = _result(builder, values, wanted, joined)
        builder.emit_func_output(result)
    return builder.finalize()


def parameters(inputs: Sequence[Shape], dtypes: Sequence[str] = ()) -> list[Any]:
    """Variables `x0, x1, ...`, float32 unless `dtypes` says; symbolic dimensions are shared by name."""
    dims: dict[str, Any] = {}
    for dim in (dim for shape in inputs for dim in shape if isinstance(dim, str)):
        dims.setdefault(dim, tirx.Var(dim, "int64"))
    return [
        relax.Var(
            f"x{index}",
            relax.TensorType(
                [dims[dim] if isinstance(dim, str) else dim for dim in shape],
                dtypes[index] if index < len(dtypes) else "float32",
            ),
        )
        for index, shape in enumerate(inputs)
    ]


def emit(builder: relax.BlockBuilder, values: list[Any], nodes: Iterable[Sequence[Any]]) -> None:
    """Emit `nodes` into the open block, appending each to `values`."""
    for op, operands, *rest in nodes:
        keywords: Mapping[str, Any] = rest[0] if rest else {}
        name = keywords.get("name", f"v{len(values)}")
        keywords = {key: value for key, value in keywords.items() if key != "name"}
        call = _call(op, [_operand(each, values) for each in operands], keywords)
        values.append(builder.emit(call, name_hint=name))


def const(value: Any, dtype: str = "float32") -> Any:
    """A numpy array of `dtype`, for an operand that is a constant."""
    return np.asarray(value, dtype)


def weight(*shape: int, seed: int = 0) -> Any:
    """A float32 constant of `shape` with seeded normal data."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def _operand(operand: Any, values: Sequence[Any]) -> Any:
    if isinstance(operand, list):
        return ir.Tuple([_operand(each, values) for each in operand])
    if isinstance(operand, int):
        return values[operand]
    if isinstance(operand, float):
        return relax.const(operand, "float32")
    if isinstance(operand, np.ndarray | np.generic):
        return relax.const(operand, operand.dtype.name)
    return operand


def _call(op: str, operands: Sequence[Any], keywords: Mapping[str, Any]) -> Any:
    if op == "tuple":
        return ir.Tuple(operands)
    if op == "item":
        return ir.TupleGetItem(operands[0], keywords["index"])
    return attrgetter(SHORT.get(op, op))(relax.op)(*operands, **keywords)


def _result(
    builder: relax.BlockBuilder, values: Sequence[Any], wanted: Sequence[int], joined: bool
) -> Any:
    results = [values[each] for each in wanted]
    if joined:
        return reduce(lambda left, right: builder.emit(relax.op.subtract(left, right)), results)
    return results[0] if len(results) == 1 else ir.Tuple(results)


def script(text: str, **inputs: Any) -> IRModule:
    """A module from a line such as `a = nn.relu(x); b = add(a, 2.0) -> a, b`; bindings keep their names.

    Ops are those of `relax.op`; floats are constants, `t[0]` is an item, `(a, b)` a tuple. `inputs` gives each
    further name a shape (a parameter), a `(shape, dtype)` pair, or a numpy array (a constant).
    """
    body, _, results = text.partition("->")
    names = {name: given for name, given in inputs.items() if not isinstance(given, np.ndarray)}
    pairs = [
        given if isinstance(given[-1], str) else (given, "float32") for given in names.values()
    ]
    made = parameters([each[0] for each in pairs], [each[1] for each in pairs])
    params = {name: relax.Var(name, each.ty) for name, each in zip(names, made, strict=True)}
    values = {
        name: relax.const(each, each.dtype.name)
        for name, each in inputs.items()
        if isinstance(each, np.ndarray)
    }
    values |= params
    builder = relax.BlockBuilder()
    with builder.function("main", list(params.values())):
        with builder.dataflow():
            for line in ast.parse(body.replace(";", "\n").replace("\n ", "\n").strip()).body:
                assert isinstance(line, ast.Assign)
                (target,) = line.targets
                assert isinstance(target, ast.Name)
                value = _expression(line.value, values)
                values[target.id] = builder.emit(value, name_hint=target.id)
            found = [values[name.strip()] for name in results.split(",")]
            result = builder.emit_output(found[0] if len(found) == 1 else ir.Tuple(found), "result")
        builder.emit_func_output(result)
    return builder.finalize()


def _expression(node: ast.expr, values: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Call):
        keywords = {each.arg or "": ast.literal_eval(each.value) for each in node.keywords}
        operands = [_expression(each, values) for each in node.args]
        return attrgetter(ast.unparse(node.func))(relax.op)(*operands, **keywords)
    if isinstance(node, ast.Subscript):
        return ir.TupleGetItem(_expression(node.value, values), ast.literal_eval(node.slice))
    if isinstance(node, ast.Tuple) and any(isinstance(each, ast.Name) for each in node.elts):
        return ir.Tuple([_expression(each, values) for each in node.elts])
    if isinstance(node, ast.Name):
        return values[node.id]
    value = ast.literal_eval(node)
    return relax.const(value, "float32") if isinstance(value, float) else value
