"""Whole texts of Relay evaluated by numpy: the quantised operators, and those that stand between them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tvm
from tvm import relax

from byoc.frontends import Model, import_model
from byoc.frontends.relay import ast
from byoc.frontends.relay.metadata import Metadata
from byoc.frontends.relay.parser import parse
from byoc.testing.run import compile_model, run_model
from tests.frontends.relay.qnn_arithmetic import Array, spread
from tests.frontends.relay.qnn_operators import OPERATORS, average, padded, to_nchw, windows

HEADER = '#[version = "0.0.5"]\n'


def _max_pool2d(args: list[Any], attrs: Mapping[str, Any]) -> Array:
    data = to_nchw(args[0], attrs.get("layout", "NCHW"))
    around = padded(data, attrs.get("padding", (0, 0)), np.iinfo(data.dtype).min)
    return windows(around, attrs["pool_size"], attrs.get("strides", (1, 1))).max((4, 5))


def _towards_zero(data: Array, axes: tuple[int, ...]) -> Array:
    sums = data.astype(np.int64).sum(axes, keepdims=True)
    count = data.size // sums.size
    return (np.sign(sums) * (np.abs(sums) // count)).astype(data.dtype)


_PLAIN: dict[str, Any] = {
    "add": lambda args, attrs: args[0] + args[1],
    "cast": lambda args, attrs: args[0].astype(attrs["dtype"]),
    "clip": lambda args, attrs: np.clip(
        args[0], np.asarray(attrs["a_min"]).astype(args[0].dtype), int(attrs["a_max"])
    ),
    "maximum": lambda args, attrs: np.maximum(args[0], args[1]),
    "mean": lambda args, attrs: _towards_zero(args[0], tuple(attrs["axis"])),
    "nn.avg_pool2d": lambda args, attrs: average(args[0], attrs),
    "nn.batch_flatten": lambda args, attrs: args[0].reshape(len(args[0]), -1),
    "nn.bias_add": lambda args, attrs: (
        args[0] + spread(args[1], args[0].ndim, attrs.get("axis", 1))
    ),
    "nn.global_avg_pool2d": lambda args, attrs: _towards_zero(args[0], (2, 3)),
    "nn.max_pool2d": _max_pool2d,
    "nn.relu": lambda args, attrs: np.maximum(args[0], 0),
    "reshape": lambda args, attrs: args[0].reshape(attrs["newshape"]),
}


class _Evaluation:
    """One function of a text, its names and their arrays."""

    def __init__(self, tree: ast.Module, given: Mapping[str, Array]) -> None:
        self.metadata = Metadata(tree, "text")
        self.names: dict[str, Any] = dict(given)

    def value(self, expr: Any) -> Any:
        match expr:
            case ast.Scope():
                for each in expr.bindings:
                    self.names[each.name] = self.value(each.value)
                return self.value(expr.result)
            case ast.Local():
                return self.names[expr.name]
            case ast.Scalar():
                return np.asarray(expr.value, expr.dtype)
            case ast.Meta():
                return self.metadata.constant(expr.value, expr.at)
            case ast.Tuple():
                return [self.value(each) for each in expr.fields]
            case ast.Call():
                args = [self.value(each) for each in expr.args]
                known = OPERATORS.get(expr.callee.name) or _PLAIN[expr.callee.name]
                return known(args, expr.attrs)
        raise AssertionError(expr)


def evaluate(text: str, given: Mapping[str, Array]) -> list[Array]:
    """The results of `main`, with an array for each parameter."""
    tree = parse(text, "text")
    result = _Evaluation(tree, given).value(tree.functions["main"].body)
    return result if isinstance(result, list) else [result]


def runner(model: Model) -> Callable[[Mapping[str, Array]], list[Array]]:
    """What runs `main` of a model, compiled once."""
    names = [each.name for each in model.module["main"].params]
    machine = relax.VirtualMachine(compile_model(model), tvm.cpu())

    def run(inputs: Mapping[str, Array]) -> list[Array]:
        result = machine["main"](*[tvm.runtime.tensor(inputs[name]) for name in names])
        return [each.numpy() for each in ([result] if hasattr(result, "numpy") else result)]

    return run


def imported(
    text: str, folder: Path, constants: Mapping[str, Array] | None = None, qnn: str = "integer"
) -> Model:
    """A text by byoc, from a file; `constants` are parameters of `main` from a file of their own."""
    source = folder / "model.relay"
    source.write_text(text)
    params = None
    if constants:
        params = folder / "params.npz"
        np.savez(params, **constants)
    return import_model(source, params=params, qnn=qnn)


def hold(
    text: str, inputs: Mapping[str, Array], constants: Mapping[str, Array], folder: Path
) -> None:
    """Assert that the integer form of a text gives, bit for bit, what Relay computes."""
    found = run_model(imported(text, folder, constants), inputs)
    wanted = evaluate(text, {**inputs, **constants})
    assert len(found) == len(wanted)
    for index, (left, right) in enumerate(zip(found, wanted, strict=True)):
        assert left.dtype == right.dtype, index
        np.testing.assert_array_equal(left, right, err_msg=f"output {index}")
