"""Pools, global and adaptive ones, and resizing."""

import itertools
import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused

SPACE = "DHW"


def moved(x: Array, have: str, want: str) -> Array:
    return np.ascontiguousarray(x.transpose([have.index(axis) for axis in want]))


def pooled(
    x: Array,
    size: Sequence[int],
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    ceil: bool,
    combine: Callable[[Array, int], float],
) -> Array:
    """Windows over the axes behind batch and channel.

    `combine` is given the elements of a window inside of the data, and how many elements, margins too, it has.
    """
    rank = x.ndim - 2
    begins, ends = padding[:rank], padding[rank:]
    out = []
    for axis in range(rank):
        whole = (
            x.shape[axis + 2] + begins[axis] + ends[axis] - (size[axis] - 1) * dilation[axis] - 1
        )
        out.append((-(-whole // strides[axis]) if ceil else whole // strides[axis]) + 1)
    found = np.zeros((*x.shape[:2], *out))
    for at in itertools.product(*[range(n) for n in found.shape]):
        points = []
        whole = 1
        for axis in range(rank):
            first = at[axis + 2] * strides[axis] - begins[axis]
            line = [first + each * dilation[axis] for each in range(size[axis])]
            whole *= sum(each < x.shape[axis + 2] + ends[axis] for each in line)
            points.append([each for each in line if 0 <= each < x.shape[axis + 2]])
        inside = np.array([x[(*at[:2], *each)] for each in itertools.product(*points)])
        found[at] = combine(inside, whole)
    return found.astype(x.dtype)


def largest(inside: Array, whole: int) -> float:
    return float(inside.max())


def mean_inside(inside: Array, whole: int) -> float:
    return float(inside.astype(np.float64).mean())


def mean_of_all(inside: Array, whole: int) -> float:
    return float(inside.astype(np.float64).sum() / whole)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("ceil", [False, True])
def test_pools(rank: int, last: bool, ceil: bool) -> None:
    space = SPACE[3 - rank :]
    x = random(1, 2, *[6, 7, 5][:rank])
    size, strides = [3, 2, 2][:rank], [2, 2, 1][:rank]
    padding = [1, 0, 1][:rank] + [0, 1, 1][:rank]
    first = f"NC{space}"
    layout = f"N{space}C" if last else first
    given = f'pool_size={size}, strides={strides}, padding={padding}, layout="{layout}", ceil_mode={ceil}'
    ones = [1] * rank

    def check(name: str, combine: Callable[[Array, int], float], more: str = "") -> None:
        wanted = pooled(x, size, strides, padding, ones, ceil, combine)
        agree(
            f"nn.{name}{rank}d(%x, {given}{more})",
            moved(wanted, first, layout),
            x=moved(x, first, layout),
        )

    check("max_pool", largest)
    check("avg_pool", mean_inside)
    check("avg_pool", mean_of_all, ", count_include_pad=True")


def test_dilated_pools_and_short_paddings() -> None:
    x = random(1, 2, 7, 7)
    given = "pool_size=[2, 2], strides=[2, 2], dilation=[2, 2]"
    wanted = pooled(x, (2, 2), (2, 2), (0,) * 4, (2, 2), False, largest)
    agree(f"nn.max_pool2d(%x, {given})", wanted, x=x)
    wanted = pooled(x, (2, 2), (2, 2), (1,) * 4, (2, 2), False, mean_inside)
    agree(f"nn.avg_pool2d(%x, {given}, padding=[1])", wanted, x=x)
    wanted = pooled(x, (2, 3), (1, 1), (1, 2, 1, 2), (1, 1), False, largest)
    agree("nn.max_pool2d(%x, pool_size=[2, 3], padding=[1, 2])", wanted, x=x)
    turned = moved(pooled(x, (3, 3), (2, 2), (0,) * 4, (1, 1), False, largest), "NCHW", "NHWC")
    agree('nn.max_pool2d(%x, pool_size=[3, 3], strides=[2, 2], out_layout="NHWC")', turned, x=x)
    line = random(1, 2, 8)
    wanted = pooled(line, (3,), (2,), (1, 1), (1,), False, largest)
    agree("nn.max_pool1d(%x, pool_size=[3], strides=[2], padding=[1, 1])", wanted, x=line)


def test_a_mean_of_integers_has_no_fraction() -> None:
    x = random(1, 2, 4, 4, dtype="int32")
    sums = x.reshape(1, 2, 2, 2, 2, 2).sum((3, 5))
    wanted = np.trunc(sums / 4).astype(np.int32)
    agree("nn.avg_pool2d(%x, pool_size=[2, 2], strides=[2, 2])", wanted, x=x)
    wanted = np.trunc(x.sum((2, 3), keepdims=True) / 16).astype(np.int32)
    agree("nn.global_avg_pool2d(%x)", wanted, x=x)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True])
def test_global_pools(rank: int, last: bool) -> None:
    space = SPACE[3 - rank :]
    x = random(2, 3, *[4, 5, 3][:rank])
    first = f"NC{space}"
    layout = f"N{space}C" if last else first
    axes = tuple(range(2, rank + 2))
    for name, wanted in (("avg", x.mean(axes, keepdims=True)), ("max", x.max(axes, keepdims=True))):
        agree(
            f'nn.global_{name}_pool{rank}d(%x, layout="{layout}")',
            moved(wanted, first, layout),
            x=moved(x, first, layout),
        )


def adaptive(x: Array, want: Sequence[int], reduce: str) -> Array:
    for axis, size in enumerate(want, 2):
        extent = x.shape[axis]
        parts = [
            x.take(range(at * extent // size, math.ceil((at + 1) * extent / size)), axis)
            for at in range(size)
        ]
        x = np.concatenate([getattr(np, reduce)(each, axis, keepdims=True) for each in parts], axis)
    return x


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True])
def test_adaptive_pools(rank: int, last: bool) -> None:
    space = SPACE[3 - rank :]
    x = random(2, 2, *[6, 7, 4][:rank])
    first = f"NC{space}"
    layout = f"N{space}C" if last else first
    given = moved(x, first, layout)
    for size in ([3, 3, 2][:rank], [4, 7, 3][:rank], [2]):
        want = size * rank if len(size) == 1 else size
        for name, reduce in (("avg", "mean"), ("max", "max")):
            agree(
                f'nn.adaptive_{name}_pool{rank}d(%x, output_size={size}, layout="{layout}")',
                moved(adaptive(x, want, reduce), first, layout),
                x=given,
            )


def test_adaptive_pools_without_a_size_keep_theirs() -> None:
    x = random(1, 2, 3, 4)
    for name in ("avg", "max"):
        agree(f"nn.adaptive_{name}_pool2d(%x)", x, x=x)
        agree(f"nn.adaptive_{name}_pool2d(%x, output_size=[])", x, x=x)
        wanted = adaptive(x, (3, 2), "mean" if name == "avg" else "max")
        agree(f"nn.adaptive_{name}_pool2d(%x, output_size=[None, 2])", wanted, x=x)


def coordinate(mode: str, at: int, have: int, want: int, roi: tuple[float, float]) -> float:
    scale = have / want
    match mode:
        case "half_pixel":
            return (at + 0.5) * scale - 0.5
        case "align_corners":
            return at * (have - 1) / (want - 1)
        case "asymmetric":
            return at * scale
        case "pytorch_half_pixel":
            return (at + 0.5) * scale - 0.5 if want > 1 else 0.0
        case "tf_half_pixel_for_nn":
            return (at + 0.5) * scale
        case _:
            begin, end = roi
            return begin * (have - 1) + at * (end - begin) * (have - 1) / (want - 1)


def away(value: float) -> int:
    return int(math.copysign(math.floor(abs(value) + 0.5), value))


ROUNDINGS: dict[str, Callable[[float], int]] = {
    "round": away,
    "floor": lambda value: math.floor(value + 1e-5),
    "ceil": lambda value: math.ceil(value - 1e-5),
    "round_prefer_floor": lambda value: math.ceil(value - 0.5),
    "round_prefer_ceil": lambda value: math.floor(value + 0.5),
}


def weights(
    method: str,
    mode: str,
    rounding: str,
    have: int,
    want: int,
    alpha: float,
    roi: tuple[float, float],
) -> Array:
    """One row for each point of the result: what it takes of the points of the image."""
    rows = np.zeros((want, have))

    def put(row: int, point: int, weight: float) -> None:
        rows[row, min(max(point, 0), have - 1)] += weight

    for at in range(want):
        x = coordinate(mode, at, have, want, roi)
        low = math.floor(x)
        part = x - low
        if method == "nearest_neighbor":
            put(at, ROUNDINGS[rounding](x), 1)
        elif method == "linear":
            put(at, low, 1 - part)
            put(at, low + 1, part)
        else:
            for offset in range(-1, 3):
                d = abs(part - offset)
                near = (alpha + 2) * d**3 - (alpha + 3) * d**2 + 1
                far = alpha * d**3 - 5 * alpha * d**2 + 8 * alpha * d - 4 * alpha
                put(at, low + offset, near if d <= 1 else far)
    return rows


def resized(
    x: Array,
    size: tuple[int, int],
    method: str,
    mode: str,
    rounding: str = "round",
    alpha: float = -0.5,
    roi: tuple[float, ...] = (0, 0, 0, 0),
) -> Array:
    rows = weights(method, mode, rounding, x.shape[2], size[0], alpha, (roi[0], roi[2]))
    columns = weights(method, mode, rounding, x.shape[3], size[1], alpha, (roi[1], roi[3]))
    return np.einsum("nchw,ph,qw->ncpq", x.astype(np.float64), rows, columns).astype(np.float32)


MODES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
IMAGE = random(1, 2, 6, 4)


@pytest.mark.parametrize("mode", [*MODES, "tf_half_pixel_for_nn"])
@pytest.mark.parametrize("size", [(3, 2), (12, 8), (5, 7)])
def test_the_nearest_point_in_every_rounding(mode: str, size: tuple[int, int]) -> None:
    base = (
        f'%x, size={list(size)}, method="nearest_neighbor", coordinate_transformation_mode="{mode}"'
    )
    for rounding in ROUNDINGS:
        if (mode, rounding) == ("align_corners", "round") and size == (12, 8):
            continue  # 0.5 in floats of 32 bits falls to either side
        agree(
            f'image.resize2d({base}, rounding_method="{rounding}")',
            resized(IMAGE, size, "nearest_neighbor", mode, rounding),
            x=IMAGE,
        )
    agree(f"image.resize2d({base})", resized(IMAGE, size, "nearest_neighbor", mode), x=IMAGE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("method", ["linear", "cubic"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_interpolation(mode: str, method: str, layout: str) -> None:
    for size in ((3, 2), (12, 7)):
        wanted = resized(IMAGE, size, method, mode)
        agree(
            f'image.resize2d(%x, size={list(size)}, roi=[0f, 0f, 0f, 0f], method="{method}", '
            f'layout="{layout}", coordinate_transformation_mode="{mode}", rounding_method="")',
            moved(wanted, "NCHW", layout),
            x=moved(IMAGE, "NCHW", layout),
            rtol=1e-4,
            atol=1e-4,
        )


def test_other_attributes_of_a_resize() -> None:
    wanted = resized(IMAGE, (9, 9), "cubic", "half_pixel", alpha=-0.75)
    agree(
        'image.resize2d(%x, size=[9, 9], method="cubic", cubic_alpha=-0.75f)',
        wanted,
        x=IMAGE,
        atol=1e-4,
    )
    roi = (0.2, 0.1, 0.9, 0.8)
    wanted = resized(IMAGE, (5, 3), "linear", "tf_crop_and_resize", roi=roi)
    crop = 'coordinate_transformation_mode="tf_crop_and_resize"'
    agree(
        f"image.resize2d(%x, size=[5, 3], roi=[0.2f, 0.1f, 0.9f, 0.8f], {crop})",
        wanted,
        x=IMAGE,
        atol=1e-4,
    )
    constants = {"s": np.array([5, 3], np.int64)}
    wanted = resized(IMAGE, (5, 3), "linear", "half_pixel")
    agree("image.resize2d(%x, %s)", wanted, x=IMAGE, constants=constants, atol=1e-5)
    integers = (IMAGE * 50).astype(np.int32)
    wide = resized(integers, (5, 3), "linear", "half_pixel")
    agree('image.resize2d(%x, size=[5, 3], out_dtype="float32")', wide, x=integers, rtol=1e-4)
    agree("image.resize2d(%x, size=[5, 3])", np.trunc(wide).astype(np.int32), x=integers, atol=1)


def test_resizes_of_old_texts() -> None:
    wanted = resized(IMAGE, (12, 8), "linear", "align_corners")
    agree("image.resize(%x, size=[12, 8], align_corners=True)", wanted, x=IMAGE, atol=1e-5)
    wanted = resized(IMAGE, (12, 8), "linear", "asymmetric")
    agree("image.resize(%x, size=[12, 8], align_corners=False)", wanted, x=IMAGE, atol=1e-5)
    wanted = resized(IMAGE, (12, 8), "nearest_neighbor", "half_pixel", "floor")
    agree('image.resize(%x, size=[12, 8], method="nearest_neighbor")', wanted, x=IMAGE)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_upsampling(layout: str) -> None:
    given = moved(IMAGE, "NCHW", layout)
    cases = [
        ("nearest_neighbor", "nearest_neighbor", False),
        ("bilinear", "linear", False),
        ("bilinear", "linear", True),
        ("bicubic", "cubic", False),
    ]
    for method, plain, align in cases:
        mode = "align_corners" if align else "asymmetric"
        agree(
            f'nn.upsampling(%x, scale_h=2f, scale_w=3f, layout="{layout}", method="{method}", '
            f"align_corners={align})",
            moved(resized(IMAGE, (12, 12), plain, mode, "floor"), "NCHW", layout),
            x=given,
            rtol=1e-4,
            atol=1e-4,
        )
    agree(
        f'nn.upsampling(%x, scale_h=1.5f, scale_w=2, layout="{layout}")',
        moved(resized(IMAGE, (9, 8), "nearest_neighbor", "asymmetric", "floor"), "NCHW", layout),
        x=given,
    )


def test_what_has_no_form_is_refused() -> None:
    refused('nn.max_pool2d(%x, pool_size=[2, 2], layout="NCHW4c")', "layout 'NCHW4c'", x=IMAGE)
    refused("nn.avg_pool2d(%x, pool_size=[2, 2], padding=[1, 1, 1])", "padding", x=IMAGE)
    refused("nn.adaptive_max_pool2d(%x, output_size=[0, 1])", "output_size", x=IMAGE)
    refused('image.resize2d(%x, size=[2, 2], method="area")', "method 'area'", x=IMAGE)
    refused("image.resize2d(%x)", "size None", x=IMAGE)
    refused("nn.global_avg_pool1d(%x)", "rank 3", x=IMAGE)
