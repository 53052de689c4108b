"""A Relax module for each op that Relay has too, with attributes at and away from their defaults.

A case is what `relax.op` makes of some parameters. `otherwise` says what Relay writes where it has another form:
the module that comes back is not the same one then, and has to compute the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from tvm import relax, tirx

from byoc.frontends.model import Model
from byoc.testing.run import run_model

op: Any = relax.op
nn: Any = relax.op.nn

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """`make` of parameters of these types; a parameter without a dtype is float32."""

    op: str
    inputs: tuple[Shape | tuple[Shape, str], ...]
    make: Callable[..., Any]
    otherwise: str = ""

    def types(self) -> list[tuple[Shape, str]]:
        """Shape and dtype of each parameter."""
        found: list[tuple[Shape, str]] = []
        for each in self.inputs:
            typed = len(each) == 2 and isinstance(each[1], str)
            found.append(each if typed else (each, "float32"))  # type: ignore[arg-type]
        return found

    def model(self) -> Model:
        """The module."""
        params = [
            relax.Var(f"x{index}", relax.TensorType(list(shape), dtype))
            for index, (shape, dtype) in enumerate(self.types())
        ]
        builder = relax.BlockBuilder()
        with builder.function("main", params):
            with builder.dataflow():
                made = self.make(*params)
                bound = builder.emit(relax.Tuple(made) if isinstance(made, list) else made)
                result = builder.emit_output(bound)
            builder.emit_func_output(result)
        return Model(self.op, builder.finalize())

    def computes_as(self, found: Model) -> None:
        """Hold `found` to the model on the same numbers: dtypes equal, values within 1e-6."""
        rng = np.random.default_rng(0)
        given = {
            f"x{index}": rng.integers(0, 2, shape).astype(dtype)
            if "int" in dtype
            else rng.normal(size=shape).astype(dtype)
            for index, (shape, dtype) in enumerate(self.types())
        }
        for ours, theirs in zip(
            run_model(found, given), run_model(self.model(), given), strict=True
        ):
            assert ours.dtype == theirs.dtype
            np.testing.assert_allclose(ours, theirs, rtol=1e-6)


IMAGE, VOLUME, ROW = (1, 4, 6, 6), (1, 2, 4, 4, 4), (1, 4, 8)
MATRIX = (3, 4)


def const(value: Any, dtype: str = "float32") -> Any:
    """A constant."""
    return relax.const(np.asarray(value, dtype), dtype)


def weights(*shape: int, dtype: str = "float32") -> Any:
    """A constant whose elements differ."""
    count = int(np.prod(shape))
    values = (np.arange(count) % 11 - 5) / 4 if dtype == "float32" else np.arange(count) % 100 - 50
    return const(values.reshape(shape), dtype)


def cases() -> Iterator[Case]:
    """All cases, by family."""
    yield from _elementwise()
    yield from _products()
    yield from _convolutions()
    yield from _pools()
    yield from _norms()
    yield from _shapes()
    yield from _picks()
    yield from _made()
    yield from _sampled()
    yield from _reductions()
    yield from _quantised()


def _elementwise() -> Iterator[Case]:
    unary = """abs acos acosh asin asinh atan atanh ceil cos cosh erf exp floor isfinite isinf isnan log negative
        rsqrt sigmoid sign sin sinh sqrt tan tanh trunc zeros_like ones_like nn.relu"""
    for name in unary.split():
        make = getattr(nn, name[3:]) if name.startswith("nn.") else getattr(op, name)
        yield Case(name, (MATRIX,), make)
    binary = """add subtract multiply divide floor_divide floor_mod mod power maximum minimum equal not_equal
        greater greater_equal less less_equal"""
    for name in binary.split():
        yield Case(name, (MATRIX, (1, 4)), getattr(op, name))
        yield Case(name, ((MATRIX, "int32"), (MATRIX, "int32")), getattr(op, name))
    for name in ("bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"):
        yield Case(name, ((MATRIX, "int32"), (MATRIX, "int32")), getattr(op, name))
    for name in ("logical_and", "logical_or", "logical_xor"):
        yield Case(name, ((MATRIX, "bool"), (MATRIX, "bool")), getattr(op, name))
    yield Case("logical_not", ((MATRIX, "bool"),), op.logical_not)
    yield Case("bitwise_not", ((MATRIX, "int8"),), op.bitwise_not)
    for value in (2.5, 1e-7, -np.inf, 16777217.0, 0.1):
        yield Case("multiply", (MATRIX,), lambda x, value=value: op.multiply(x, const(value)))
    for dtype in ("int8", "int64", "float16", "bool", "uint8"):
        yield Case("astype", (MATRIX,), lambda x, dtype=dtype: op.astype(x, dtype))
    yield Case("clip", (MATRIX,), lambda x: op.clip(x, -0.5, 6.0))
    yield Case("where", ((MATRIX, "bool"), MATRIX, (1, 4)), op.where)


def _products() -> Iterator[Case]:
    yield Case("matmul", (MATRIX,), lambda x: op.matmul(x, weights(4, 5)))
    yield Case("matmul", (MATRIX, (4, 5)), op.matmul)
    yield Case("matmul", ((2, 3, 4),), lambda x: op.matmul(x, weights(4, 5)))
    yield Case("matmul", ((2, 3, 4), (2, 4, 5)), op.matmul)
    wide = "in one batch axis"
    yield Case("matmul", ((2, 3, 3, 4), (2, 3, 4, 5)), op.matmul, otherwise=wide)
    eight = ((2, 3), "int8"), ((3, 4), "int8")
    yield Case("matmul", eight, lambda x, y: op.matmul(x, y, out_dtype="int32"))
    yield Case("add", (IMAGE,), lambda x: op.add(x, weights(1, 4, 1, 1)))
    yield Case("add", (IMAGE,), lambda x: op.add(x, weights(6)))
    yield Case("add", (IMAGE,), lambda x: op.add(x, weights(1, 1, 1, 6)))


def _convolutions() -> Iterator[Case]:
    for rank, data in ((1, ROW), (2, IMAGE), (3, (1, 4, 4, 4, 4))):
        make, turned = getattr(nn, f"conv{rank}d"), getattr(nn, f"conv{rank}d_transpose")
        kernel = (3,) * rank
        away: dict[str, Any] = {"strides": 2, "padding": 1, "groups": 2}
        last = {"data_layout": "N" + "DHW"[3 - rank :] + "C", "kernel_layout": "OIDHW"}
        if rank == 1:
            last = {"data_layout": "NWC", "kernel_layout": "OIW"}
        elif rank == 2:
            last = {"data_layout": "NHWC", "kernel_layout": "HWIO"}
        name = f"nn.conv{rank}d"
        yield Case(name, (data, (6, 4, *kernel)), make)
        yield (
            Case(
                name, (data, (6, 2, *kernel)), lambda x, w, m=make, a=away: m(x, w, dilation=2, **a)
            )
            if rank != 3
            else Case(name, (data, (6, 2, *kernel)), lambda x, w, m=make, a=away: m(x, w, **a))
        )
        shape = (1, *data[2:], 4)
        weight = (*kernel, 4, 6) if rank == 2 else (6, 4, *kernel)
        yield Case(name, (shape, weight), lambda x, w, m=make, a=last: m(x, w, **a))
        name += "_transpose"
        yield Case(name, (data, (4, 6, *kernel)), turned)
        yield Case(
            name,
            (data, (4, 3, *kernel)),
            lambda x, w, m=turned, a=away: m(x, w, output_padding=1, **a),
        )
    yield Case(
        "nn.conv2d",
        ((IMAGE, "int8"), ((6, 4, 1, 1), "int8")),
        lambda x, w: nn.conv2d(x, w, out_dtype="int32"),
    )
    yield Case(
        "nn.conv2d",
        (IMAGE, (4, 1, 3, 3)),
        lambda x, w: nn.conv2d(x, w, padding=(0, 1, 2, 3), groups=4),
    )


def _pools() -> Iterator[Case]:
    for rank, data in ((1, ROW), (2, IMAGE), (3, VOLUME)):
        last = "N" + {1: "W", 2: "HW", 3: "DHW"}[rank] + "C"
        away = {"strides": 2, "padding": 1, "ceil_mode": True}
        for kind in ("max", "avg"):
            name = f"nn.{kind}_pool{rank}d"
            make = getattr(nn, name[3:])
            window = (2,) * rank
            yield Case(name, (data,), lambda x, m=make, w=window: m(x, w))
            yield Case(name, (data,), lambda x, m=make, w=window, a=away: m(x, w, **a))
            yield Case(name, (data,), lambda x, m=make, w=window, s=last: m(x, w, layout=s))
        yield Case(
            name,
            (data,),
            lambda x, m=make, w=window: m(x, w, padding=1, count_include_pad=True),
        )
        name = f"nn.adaptive_avg_pool{rank}d"
        make = getattr(nn, name[3:])
        yield Case(name, (data,), lambda x, m=make: m(x, 2))
        yield Case(name, (data,), lambda x, m=make, s=last: m(x, 1, layout=s))


def _norms() -> Iterator[Case]:
    four = ((4,),) * 2
    yield Case("nn.softmax", (MATRIX,), nn.softmax)
    yield Case("nn.softmax", (IMAGE,), lambda x: nn.softmax(x, axis=1))
    yield Case("nn.log_softmax", (IMAGE,), lambda x: nn.log_softmax(x, axis=2))
    yield Case("nn.leakyrelu", (MATRIX,), lambda x: nn.leakyrelu(x, 0.2))
    yield Case("nn.leakyrelu", (MATRIX,), lambda x: nn.leakyrelu(x, 0.01))
    yield Case("nn.prelu", (IMAGE, (4,)), nn.prelu)
    yield Case("nn.prelu", (IMAGE, (6,)), lambda x, a: nn.prelu(x, a, axis=3))
    yield Case("nn.batch_norm", (IMAGE, *four, *four), lambda *a: _batch_norm(*a, axis=1))
    yield Case(
        "nn.batch_norm",
        (MATRIX, *four, *four),
        lambda *a: _batch_norm(*a, axis=-1, epsilon=0.001, center=False, scale=False),
    )
    yield Case("nn.layer_norm", (MATRIX, *four), lambda *a: nn.layer_norm(*a, axes=-1))
    yield Case("nn.layer_norm", (IMAGE, *four), lambda *a: nn.layer_norm(*a, axes=1, epsilon=1e-12))
    groups = {"num_groups": 2, "channel_axis": 1, "axes": [2, 3]}
    yield Case("nn.group_norm", (IMAGE, *four), lambda *a: nn.group_norm(*a, **groups))
    zeros, ones = const(np.zeros(4)), const(np.ones(4))
    yield Case(
        "nn.group_norm",
        (IMAGE, (4,)),
        lambda x, g: nn.group_norm(x, g, zeros, **groups, center=False, epsilon=0.01),
    )
    whole = {"channel_axis": 1, "axes": [2, 3]}
    yield Case("nn.instance_norm", (IMAGE, *four), lambda *a: nn.instance_norm(*a, **whole))
    yield Case(
        "nn.instance_norm",
        (IMAGE, (4,)),
        lambda x, b: nn.instance_norm(x, ones, b, **whole, epsilon=0.01, scale=False),
    )


def _batch_norm(*args: Any, **attrs: Any) -> Any:
    return nn.batch_norm(*args, **attrs, training=False)


def _shapes() -> Iterator[Case]:
    yield Case("reshape", (IMAGE,), lambda x: op.reshape(x, (4, 36)))
    yield Case("reshape", (IMAGE,), lambda x: op.reshape(x, (-1,)))
    yield Case("permute_dims", (IMAGE,), lambda x: op.permute_dims(x, (0, 2, 3, 1)))
    yield Case("permute_dims", (MATRIX,), lambda x: op.permute_dims(x, (1, 0)))
    yield Case("expand_dims", (MATRIX,), lambda x: op.expand_dims(x, 0))
    yield Case("expand_dims", (MATRIX,), lambda x: op.expand_dims(x, (2, 3)))
    yield Case(
        "expand_dims",
        (MATRIX,),
        lambda x: op.expand_dims(x, (0, 3)),
        otherwise="one call a run of axes",
    )
    yield Case("squeeze", ((1, 3, 1, 4),), lambda x: op.squeeze(x, (2,)))
    yield Case("squeeze", ((1, 3, 1, 4),), lambda x: op.squeeze(x, (0, 2)))
    yield Case("concat", (MATRIX, (2, 4)), lambda *a: op.concat(a, 0))
    yield Case("concat", (MATRIX, MATRIX), lambda *a: op.concat(a, 1))
    yield Case("stack", (MATRIX, MATRIX), lambda *a: op.stack(a, 0))
    yield Case("stack", (MATRIX, MATRIX), lambda *a: op.stack(a, 2))
    yield Case("split", (IMAGE,), lambda x: op.split(x, 2, 1))
    yield Case("split", (IMAGE,), lambda x: op.split(x, [1, 3], -1))
    yield Case("broadcast_to", ((1, 4),), lambda x: op.broadcast_to(x, (2, 3, 4)))
    yield Case("tile", (MATRIX,), lambda x: op.tile(x, (2, 1, 3)))
    yield Case("repeat", (MATRIX,), lambda x: op.repeat(x, 3, 1))
    yield Case("flip", (MATRIX,), lambda x: op.flip(x, 1))
    for mode in ("constant", "reflect", "replicate"):
        widths = (0, 0, 0, 0, 1, 2, 2, 1)
        yield Case("nn.pad", (IMAGE,), lambda x, m=mode, w=widths: nn.pad(x, w, m))
    yield Case("nn.pad", (MATRIX,), lambda x: nn.pad(x, (1, 0, 0, 2), "constant", -1.5))
    image = op.image.resize2d
    yield Case("image.resize2d", (IMAGE,), lambda x: image(x, (12, 9)))
    away = {"method": "nearest_neighbor", "coordinate_transformation_mode": "asymmetric"}
    yield Case(
        "image.resize2d", (IMAGE,), lambda x: image(x, (3, 12), **away, rounding_method="floor")
    )
    cubic = {
        "method": "cubic",
        "coordinate_transformation_mode": "align_corners",
        "cubic_alpha": -0.5,
    }
    yield Case(
        "image.resize2d", ((1, 6, 6, 4),), lambda x: image(x, (9, 9), layout="NHWC", **cubic)
    )


def _picks() -> Iterator[Case]:
    index = ((2,), "int64")
    yield Case("strided_slice", (IMAGE,), lambda x: op.strided_slice(x, [1], [0], [2]))
    yield Case(
        "strided_slice", (IMAGE,), lambda x: op.strided_slice(x, [3, 1], [5, 1], [-7, 3], [-2, 1])
    )
    yield Case("take", (MATRIX, index), lambda x, i: op.take(x, i, 1))
    for mode in ("clip", "wrap"):
        yield Case("take", (IMAGE, index), lambda x, i, m=mode: op.take(x, i, 1, mode=m))
    places = const([[0, 1], [2, 0]], "int64")
    yield Case(
        "gather_elements",
        (MATRIX,),
        lambda x: op.gather_elements(x, const([[0, 1, 2, 0]], "int64"), 0),
    )
    yield Case(
        "gather_elements", (MATRIX, ((3, 2), "int64")), lambda x, i: op.gather_elements(x, i, 1)
    )
    yield Case("gather_nd", (MATRIX,), lambda x: op.gather_nd(x, places))
    turned = "indices along the first axis"
    yield Case("gather_nd", (MATRIX, ((2, 2), "int64")), op.gather_nd, otherwise=turned)
    for reduction in ("update", "add", "mul", "min", "max"):
        yield Case(
            "scatter_elements",
            (MATRIX, (1, 4)),
            lambda x, u, r=reduction: op.scatter_elements(
                x, const([[0, 2, 1, 1]], "int64"), u, 0, r
            ),
        )
    yield Case(
        "scatter_elements",
        (MATRIX, ((3, 2), "int64"), (3, 2)),
        lambda x, i, u: op.scatter_elements(x, i, u, 1),
    )
    for reduction in ("update", "add"):
        yield Case(
            "scatter_nd",
            (MATRIX, (2,)),
            lambda x, u, r=reduction: op.scatter_nd(x, places, u, r),
        )
    one, none = tirx.FloatImm("float32", 1.0), tirx.FloatImm("float32", 0.0)
    yield Case("one_hot", (index,), lambda i: op.one_hot(i, one, none, 4))
    five, minus = tirx.IntImm("int32", 5), tirx.IntImm("int32", -1)
    yield Case("one_hot", (index,), lambda i: op.one_hot(i, five, minus, 3, 0))
    for name in ("tril", "triu"):
        yield Case(name, (MATRIX,), lambda x, n=name: getattr(op, n)(x))
        yield Case(name, (MATRIX,), lambda x, n=name: getattr(op, n)(x, -1))


def _made() -> Iterator[Case]:
    folded = "a constant"
    yield Case(
        "full", (MATRIX,), lambda x: op.add(x, op.full((3, 4), const(2.5))), otherwise=folded
    )
    yield Case(
        "zeros", (MATRIX,), lambda x: op.add(x, op.zeros((3, 4), "float32")), otherwise=folded
    )
    yield Case("ones", (MATRIX,), lambda x: op.add(x, op.ones((4,), "float32")), otherwise=folded)
    yield Case(
        "arange",
        (((4,), "int64"),),
        lambda x: op.add(x, op.arange(1, 9, 2, "int64")),
        otherwise=folded,
    )
    yield Case(
        "arange",
        ((4,),),
        lambda x: op.add(x, op.arange(0.0, 1.0, 0.25, "float32")),
        otherwise=folded,
    )
    yield Case("full_like", (MATRIX,), lambda x: op.full_like(x, const(1.5)))
    yield Case("meshgrid", ((3,), (2,)), lambda *a: op.meshgrid(list(a)))
    yield Case("meshgrid", ((3,), (2,)), lambda *a: op.meshgrid(list(a), "xy"))


def _sampled() -> Iterator[Case]:
    image, vision = op.image, op.vision
    yield Case("image.resize3d", (VOLUME,), lambda x: image.resize3d(x, (8, 4, 6)))
    near = {"method": "nearest_neighbor", "coordinate_transformation_mode": "asymmetric"}
    yield Case("image.resize3d", (VOLUME,), lambda x: image.resize3d(x, (8, 8, 8), **near))
    grid = (IMAGE, (1, 2, 3, 3))
    yield Case("image.grid_sample", grid, image.grid_sample)
    away = {"method": "nearest", "padding_mode": "border", "align_corners": True}
    yield Case("image.grid_sample", grid, lambda x, g: image.grid_sample(x, g, **away))
    yield Case("image.affine_grid", ((2, 2, 3),), lambda x: image.affine_grid(x, (4, 5)))
    rois = (IMAGE, (2, 5))
    yield Case("vision.roi_align", rois, lambda x, r: vision.roi_align(x, r, (2, 3), 0.5))
    yield Case(
        "vision.roi_align", rois, lambda x, r: vision.roi_align(x, r, (2, 2), 1.0, 2, mode="max")
    )
    yield Case("vision.roi_pool", rois, lambda x, r: vision.roi_pool(x, r, (2, 3), 0.0625))
    yield Case("vision.get_valid_counts", ((1, 5, 6),), lambda x: vision.get_valid_counts(x, 0.25))
    yield Case(
        "vision.get_valid_counts", ((1, 5, 6),), lambda x: vision.get_valid_counts(x, 0.5, -1, 0)
    )
    boxes = ((1, 5, 6), ((1,), "int32"), ((1, 5), "int32"))
    yield Case("vision.non_max_suppression", boxes, vision.non_max_suppression)
    yield Case(
        "vision.non_max_suppression",
        boxes,
        lambda *a: vision.non_max_suppression(
            *a, max_output_size=3, iou_threshold=0.375, force_suppress=True, top_k=4, id_index=-1
        ),
    )
    yield Case("einsum", ((2, 3), (3, 4)), lambda *a: op.einsum(a, "ij,jk->ki"))
    places = ((2,), "int64")
    yield Case("index_tensor", (MATRIX, places, places), lambda x, *i: op.index_tensor(x, i))
    yield Case("reverse_sequence", (MATRIX, ((3,), "int32")), op.reverse_sequence)
    yield Case(
        "reverse_sequence", (MATRIX, ((4,), "int32")), lambda x, n: op.reverse_sequence(x, n, 0, 1)
    )


def _reductions() -> Iterator[Case]:
    for name in ("sum", "max", "min", "prod", "mean"):
        make = getattr(op, name)
        yield Case(name, (IMAGE,), make)
        yield Case(name, (IMAGE,), lambda x, m=make: m(x, [1, -1], keepdims=True))
    yield Case("mean", (IMAGE,), lambda x: op.mean(x, [2, 3], keepdims=True))
    yield Case("variance", (IMAGE,), lambda x: op.variance(x, [2, 3]))
    yield Case("variance", (IMAGE,), lambda x: op.variance(x, [1], keepdims=True))
    narrow = "places of 32 bits"
    for name in ("argmax", "argmin"):
        make = getattr(op, name)
        yield Case(name, (MATRIX,), lambda x, m=make: m(x, 1), otherwise=narrow)
        yield Case(name, (MATRIX,), lambda x, m=make: m(x, 0, keepdims=True), otherwise=narrow)
        yield Case(name, (MATRIX,), make, otherwise=narrow)
    for name in ("cumsum", "cumprod"):
        make = getattr(op, name)
        yield Case(name, (MATRIX,), lambda x, m=make: m(x, 1))
        yield Case(name, (((3, 4), "int32"),), lambda x, m=make: m(x, 0, "int64", exclusive=True))
    yield Case("sort", (MATRIX,), op.sort)
    yield Case("sort", (MATRIX,), lambda x: op.sort(x, 0, descending=True))
    yield Case("argsort", (MATRIX,), op.argsort)
    yield Case("argsort", (MATRIX,), lambda x: op.argsort(x, 0, True, "int64"))
    for kind in ("both", "values", "indices"):
        yield Case("topk", (MATRIX,), lambda x, k=kind: op.topk(x, 2, ret_type=k))
    yield Case("topk", (MATRIX,), lambda x: op.topk(x, 2, 0, "both", False, "int64"))


def _quantised() -> Iterator[Case]:
    one, signed, unsigned = const(0.05), const(-3, "int8"), const(130, "uint8")
    channels = const([0.5, 0.25, 2.0, 1.0]), const([0, 1, -2, 3], "int8")
    yield Case("quantize", (MATRIX,), lambda x: op.quantize(x, one, signed))
    yield Case("quantize", (MATRIX,), lambda x: op.quantize(x, one, unsigned, out_dtype="uint8"))
    yield Case("quantize", (IMAGE,), lambda x: op.quantize(x, *channels, axis=1))
    yield Case("dequantize", ((MATRIX, "int8"),), lambda x: op.dequantize(x, one, signed))
    yield Case("dequantize", ((MATRIX, "uint8"),), lambda x: op.dequantize(x, one, unsigned))
    yield Case("dequantize", ((IMAGE, "int8"),), lambda x: op.dequantize(x, *channels, axis=1))
    wide = const(0, "int32")
    yield Case("dequantize", ((MATRIX, "int32"),), lambda x: op.dequantize(x, one, wide))
