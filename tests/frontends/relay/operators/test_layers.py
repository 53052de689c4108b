"""Convolutions, products, activations and normalisations."""

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused, run

AXES = "DHW"


def convolution(
    x: Array,
    w: Array,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
) -> Array:
    """Batch, channel and space first; `padding` is begins, then ends."""
    rank = x.ndim - 2
    widths = [(0, 0), (0, 0), *zip(padding[:rank], padding[rank:], strict=True)]
    x = np.pad(x.astype(np.float64), widths)
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    size = [(n - r) // s + 1 for n, r, s in zip(x.shape[2:], reach, strides, strict=True)]
    out = np.zeros((x.shape[0], w.shape[0], *size))
    per, inner = w.shape[0] // groups, w.shape[1]
    for group in range(groups):
        part = x[:, group * inner : (group + 1) * inner]
        kernel = w[group * per : (group + 1) * per].astype(np.float64)
        for at in itertools.product(*[range(n) for n in w.shape[2:]]):
            window = tuple(
                slice(a * d, a * d + (n - 1) * s + 1, s)
                for a, d, n, s in zip(at, dilation, size, strides, strict=True)
            )
            seen = part[(slice(None), slice(None), *window)]
            out[:, group * per : (group + 1) * per] += np.einsum(
                "nc...,oc->no...", seen, kernel[(slice(None), slice(None), *at)]
            )
    return out.astype(w.dtype)


def transposed(
    x: Array,
    w: Array,
    strides: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    extra: Sequence[int],
    groups: int = 1,
) -> Array:
    """Every element spreads the kernel (inputs, outputs / groups, space) over the result."""
    rank = x.ndim - 2
    reach = [(k - 1) * d + 1 for k, d in zip(w.shape[2:], dilation, strict=True)]
    full = [
        (n - 1) * s + r + e for n, s, r, e in zip(x.shape[2:], strides, reach, extra, strict=True)
    ]
    per, inner = w.shape[1], x.shape[1] // groups
    out = np.zeros((x.shape[0], per * groups, *full))
    for group, at in itertools.product(
        range(groups), itertools.product(*[range(n) for n in w.shape[2:]])
    ):
        window = tuple(
            slice(a * d, a * d + (n - 1) * s + 1, s)
            for a, d, n, s in zip(at, dilation, x.shape[2:], strides, strict=True)
        )
        rows = slice(group * inner, (group + 1) * inner)
        kernel = w[(rows, slice(None), *at)].astype(np.float64)
        out[(slice(None), slice(group * per, (group + 1) * per), *window)] += np.einsum(
            "nc...,co->no...", x[:, rows].astype(np.float64), kernel
        )
    crop = [slice(b, n - e) for b, e, n in zip(padding[:rank], padding[rank:], full, strict=True)]
    return out[(slice(None), slice(None), *crop)].astype(w.dtype)


def moved(x: Array, have: str, want: str) -> Array:
    return np.ascontiguousarray(x.transpose([have.index(axis) for axis in want]))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("last", [False, True])
def test_convolutions_of_every_layout(rank: int, last: bool) -> None:
    space = AXES[3 - rank :]
    x, w = random(2, 3, *[7] * rank), random(4, 3, *[3] * rank, seed=1)
    strides, dilation = [2, 1, 2][:rank], [1, 2, 1][:rank]
    padding = [1, 0, 2][:rank] + [2, 1, 0][:rank]
    wanted = convolution(x, w, strides, padding, dilation)
    data, kernel = (f"N{space}C", f"{space}IO") if last else (f"NC{space}", f"OI{space}")
    layouts = f', data_layout="{data}", kernel_layout="{kernel}"' if last else ""
    agree(
        f"nn.conv{rank}d(%x, %w, strides={strides}, padding={padding}, dilation={dilation}, "
        f"channels=4, kernel_size={[3] * rank}{layouts})",
        moved(wanted, f"NC{space}", data),
        x=moved(x, f"NC{space}", data),
        w=moved(w, f"OI{space}", kernel),
    )


@pytest.mark.parametrize("kernel", ["OIHW", "HWIO", "OHWI", "HWOI"])
@pytest.mark.parametrize("data", ["NCHW", "NHWC"])
@pytest.mark.parametrize("groups", [1, 2])
def test_layouts_of_a_kernel(kernel: str, data: str, groups: int) -> None:
    x, w = random(1, 4, 5, 6), random(6, 4 // groups, 3, 2, seed=1)
    wanted = convolution(x, w, (1, 1), (1, 1, 1, 1), (1, 1), groups)
    agree(
        f'nn.conv2d(%x, %w, padding=[1, 1], groups={groups}, data_layout="{data}", '
        f'kernel_layout="{kernel}")',
        moved(wanted, "NCHW", data),
        x=moved(x, "NCHW", data),
        w=moved(w, "OIHW", kernel),
    )


@pytest.mark.parametrize("multiplier", [1, 2])
def test_depthwise_hwoi_is_channel_and_multiplier(multiplier: int) -> None:
    x, w = random(1, 4, 5, 5), random(4 * multiplier, 1, 3, 3, seed=1)
    wanted = convolution(x, w, (1, 1), (0, 0, 0, 0), (1, 1), 4)
    kernel = moved(w[:, 0], "OHW", "HWO").reshape(3, 3, 4, multiplier)
    agree(
        f"nn.conv2d(%x, %w, groups=4, channels={4 * multiplier}, kernel_size=[3, 3], "
        'data_layout="NHWC", kernel_layout="HWOI")',
        moved(wanted, "NCHW", "NHWC"),
        x=moved(x, "NCHW", "NHWC"),
        w=kernel,
    )


def test_padding_of_one_number_and_another_output_layout() -> None:
    x, w = random(1, 2, 5, 5), random(3, 2, 3, 3, seed=1)
    wanted = convolution(x, w, (1, 1), (1, 1, 1, 1), (1, 1))
    agree("nn.conv2d(%x, %w, padding=[1])", wanted, x=x, w=w)
    agree(
        'nn.conv2d(%x, %w, padding=[1, 1, 1, 1], out_layout="NHWC")',
        moved(wanted, "NCHW", "NHWC"),
        x=x,
        w=w,
    )


def test_integers_are_summed_in_the_dtype_that_is_written() -> None:
    x, w = random(1, 2, 5, 5, dtype="int8"), random(3, 2, 3, 3, seed=1, dtype="int8")
    wanted = convolution(x, w.astype(np.int32), (1, 1), (0, 0, 0, 0), (1, 1))
    agree('nn.conv2d(%x, %w, out_dtype="int32")', wanted, x=x, w=w)


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolutions(rank: int, groups: int) -> None:
    x, w = random(2, 4, *[4] * rank), random(4, 3, *[3] * rank, seed=1)
    strides, extra = [2, 3, 2][:rank], [1, 1, 0][:rank]
    padding = [1, 0, 1][:rank] + [0, 1, 1][:rank]
    wanted = transposed(x, w, strides, padding, [1] * rank, extra, groups)
    agree(
        f"nn.conv{rank}d_transpose(%x, %w, channels={3 * groups}, kernel_size={[3] * rank}, "
        f"strides={strides}, padding={padding}, output_padding={extra}, groups={groups})",
        wanted,
        x=x,
        w=w,
        rtol=1e-4,
    )


@pytest.mark.parametrize("rank", [1, 2, 3])
def test_transposed_convolutions_of_other_layouts(rank: int) -> None:
    space = AXES[3 - rank :]
    first, last, swapped = f"NC{space}", f"N{space}C", f"OI{space}"
    x, w = random(1, 4, *[4] * rank), random(4, 3, *[3] * rank, seed=1)
    ones = [1] * rank
    wanted = transposed(x, w, [2] * rank, [0] * 2 * rank, ones, [0] * rank)
    kernel = moved(w, f"IO{space}", swapped)
    agree(
        f'nn.conv{rank}d_transpose(%x, %w, strides={[2] * rank}, data_layout="{last}", '
        f'kernel_layout="{swapped}")',
        moved(wanted, first, last),
        x=moved(x, first, last),
        w=kernel,
        rtol=1e-4,
    )


def test_a_dilated_transposed_convolution() -> None:
    x, w = random(1, 2, 4, 4), random(2, 3, 3, 3, seed=1)
    wanted = transposed(x, w, (1, 1), (0, 0, 0, 0), (2, 2), (0, 0))
    agree("nn.conv2d_transpose(%x, %w, dilation=[2, 2])", wanted, x=x, w=w, rtol=1e-4)


def test_dense() -> None:
    x, w = random(3, 5), random(4, 5, seed=1)
    agree("nn.dense(%x, %w, units=None)", x @ w.T, x=x, w=w)
    agree("nn.dense(%x, %w, units=4)", x @ w.T, x=x, w=w)
    deep = random(2, 3, 5)
    agree('nn.dense(%x, %w, units=4, out_dtype="float32")', deep @ w.T, x=deep, w=w)
    small, weight = random(3, 5, dtype="int8"), random(4, 5, seed=1, dtype="int8")
    wanted = small.astype(np.int32) @ weight.T.astype(np.int32)
    agree('nn.dense(%x, %w, units=4, out_dtype="int32")', wanted, x=small, w=weight)


@pytest.mark.parametrize("turn_a", [False, True])
@pytest.mark.parametrize("turn_b", [False, True])
def test_products_turn_what_their_attributes_say(turn_a: bool, turn_b: bool) -> None:
    a, b = random(2, 3, 4), random(2, 4, 5, seed=1)
    given = f"transpose_a={turn_a}, transpose_b={turn_b}"
    x, y = a.swapaxes(1, 2) if turn_a else a, b.swapaxes(1, 2) if turn_b else b
    agree(f"nn.batch_matmul(%x, %y, {given})", a @ b, x=x.copy(), y=y.copy())
    agree(f"nn.matmul(%x, %y, units=5, {given})", a[0] @ b[0], x=x[0].copy(), y=y[0].copy())


def test_a_batch_product_that_says_nothing_turns_nothing() -> None:
    square, other = random(2, 3, 3), random(2, 3, 3, seed=1)
    agree("nn.batch_matmul(%x, %y)", square @ other, x=square, y=other)
    agree('nn.batch_matmul(%x, %y, out_dtype="float32")', square @ other, x=square, y=other)


def test_a_batch_product_of_old_texts_turns_the_second() -> None:
    # TVM before 0.8 had no such attributes; what it wrote only fits this way.
    x, y = random(2, 3, 4), random(2, 5, 4, seed=1)
    agree("nn.batch_matmul(%x, %y)", x @ y.swapaxes(1, 2), x=x, y=y)


def test_a_batch_of_one_is_every_batch() -> None:
    x, y = random(4, 2, 3), random(1, 5, 3, seed=1)
    agree("nn.batch_matmul(%x, %y, transpose_b=True)", x @ y.swapaxes(1, 2), x=x, y=y)


@pytest.mark.parametrize(("axis", "rank"), [(1, 4), (-1, 4), (3, 4), (0, 2), (-3, 4), (1, 2)])
def test_bias_add(axis: int, rank: int) -> None:
    x = random(*[3, 4, 5, 6][:rank])
    bias = random(x.shape[axis], seed=1)
    shape = [1] * rank
    shape[axis] = -1
    agree(f"nn.bias_add(%x, %b, axis={axis})", x + bias.reshape(shape), x=x, b=bias)


def test_activations() -> None:
    x, slopes = random(2, 3, 4), np.array([0.1, 0.2, -0.3], np.float32)
    agree("nn.relu(%x)", np.maximum(x, 0), x=x)
    agree("nn.leaky_relu(%x)", np.where(x > 0, x, x * 0.25), x=x)
    agree("nn.leaky_relu(%x, alpha=0.1f)", np.where(x > 0, x, x * np.float32(0.1)), x=x)
    agree("nn.prelu(%x, %s)", np.where(x > 0, x, x * slopes[:, None]), x=x, s=slopes)
    turned = x.swapaxes(1, 2).copy()
    agree(
        "nn.prelu(%x, %s, axis=-1)",
        np.where(turned > 0, turned, turned * slopes),
        x=turned,
        s=slopes,
    )
    agree("%0 = nn.dropout(%x, rate=0.3f); %0.0", x, x=x)
    agree("nn.batch_flatten(%x)", x.reshape(2, 12), x=x)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_softmaxes(axis: int) -> None:
    x = random(2, 3, 4) * 3
    powers = np.exp(x - x.max(axis, keepdims=True))
    wanted = powers / powers.sum(axis, keepdims=True)
    for name in ("nn.softmax", "nn.fast_softmax"):
        agree(f"{name}(%x, axis={axis})", wanted, x=x)
    agree(f"nn.log_softmax(%x, axis={axis})", np.log(wanted), x=x)


def standard(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    wide = x.astype(np.float64)
    return (wide - wide.mean(axes, keepdims=True)) / np.sqrt(
        wide.var(axes, keepdims=True) + epsilon
    )


def along(vector: Array, axis: int, rank: int) -> Array:
    shape = [1] * rank
    shape[axis] = -1
    return vector.reshape(shape)


SWITCHES = [(True, True), (False, True), (True, False), (False, False)]


def scaled(x: Array, g: Array, b: Array, axis: int, center: bool, scale: bool) -> Array:
    x = x * along(g, axis, x.ndim) if scale else x
    x = x + along(b, axis, x.ndim) if center else x
    return x.astype(np.float32)


@pytest.mark.parametrize(("center", "scale"), SWITCHES)
@pytest.mark.parametrize("axis", [1, -1])
def test_batch_norm(axis: int, center: bool, scale: bool) -> None:
    x = random(2, 3, 4, 3)
    g, b, m = (random(3, seed=each) for each in (1, 2, 3))
    v = np.abs(random(3, seed=4)) + 0.1
    wide = (x - along(m, axis, 4)) / np.sqrt(along(v, axis, 4) + 1e-3)
    agree(
        f"%0 = nn.batch_norm(%x, %g, %b, %m, %v, axis={axis}, epsilon=0.001f, center={center}, "
        f"scale={scale}); %0.0",
        scaled(wide, g, b, axis, center, scale),
        rtol=1e-4,
        x=x,
        g=g,
        b=b,
        m=m,
        v=v,
    )


@pytest.mark.parametrize(("center", "scale"), SWITCHES)
def test_batch_norm_of_16_bits_has_16_bits(center: bool, scale: bool) -> None:
    x, g, b, m = (
        random(*shape, seed=len(shape)).astype(np.float16) for shape in [(2, 3, 4), *[(3,)] * 3]
    )
    v = np.abs(m) + np.float16(0.5)
    wide = (x.astype(np.float64) - along(m, 1, 3)) / np.sqrt(along(v, 1, 3) + 1e-5)
    given = f"%x, %g, %b, %m, %v, center={center}, scale={scale}"
    agree(
        f"%0 = nn.batch_norm({given}); (%0.0, %0.1, %0.2)",
        scaled(wide, g, b, 1, center, scale).astype(np.float16),
        m,
        v,
        rtol=1e-2,
        atol=1e-2,
        x=x,
        g=g,
        b=b,
        m=m,
        v=v,
    )


@pytest.mark.parametrize(("center", "scale"), SWITCHES)
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_norms_of_one_tensor(axis: int, center: bool, scale: bool) -> None:
    x = random(2, 6, 6, 6)
    g, b = random(6, seed=1), random(6, seed=2)
    rank, at = x.ndim, axis % x.ndim
    given = f"axis={axis}, epsilon=0.01f, center={center}, scale={scale}"

    def check(name: str, wide: Array, more: str = "") -> None:
        wanted = scaled(wide, g, b, axis, center, scale)
        agree(f"{name}(%x, %g, %b, {more}{given})", wanted, rtol=1e-3, atol=1e-5, x=x, g=g, b=b)

    check("nn.layer_norm", standard(x, (at,), 0.01))
    others = tuple(each for each in range(1, rank) if each != at)
    check("nn.instance_norm", standard(x, others, 0.01))
    split = x.reshape(*x.shape[:at], 3, 2, *x.shape[at + 1 :])
    behind = tuple(range(at + 1, rank + 1))
    check("nn.group_norm", standard(split, behind, 0.01).reshape(x.shape), "num_groups=3, ")


def test_other_normalisations() -> None:
    x = random(2, 6, 3, 2)
    root = np.sqrt(np.maximum((x * x).sum((1, 2), keepdims=True), 4.0))
    agree("nn.l2_normalize(%x, eps=4f, axis=[1, 2])", x / root.astype(np.float32), x=x)
    root = np.sqrt((x * x).sum(-1, keepdims=True) + 0)
    agree("nn.l2_normalize(%x, eps=1e-12f, axis=[-1])", x / root, x=x)


@pytest.mark.parametrize("axis", [1, 3, -1])
@pytest.mark.parametrize(
    ("size", "alpha", "beta", "bias"), [(5, 1e-4, 0.75, 2.0), (3, 0.5, 0.5, 1.0)]
)
def test_local_response(axis: int, size: int, alpha: float, beta: float, bias: float) -> None:
    x = random(2, 6, 3, 5)
    moved_x = np.moveaxis(x.astype(np.float64) ** 2, axis, -1)
    half = size // 2
    near = np.stack(
        [
            moved_x[..., max(0, at - half) : at + half + 1].sum(-1)
            for at in range(moved_x.shape[-1])
        ],
        -1,
    )
    wanted = (x / (bias + alpha / size * np.moveaxis(near, -1, axis)) ** beta).astype(np.float32)
    given = "" if size == 5 else f", size={size}, alpha={alpha}f, beta={beta}f, bias={bias}f"
    agree(f"nn.lrn(%x, axis={axis}{given})", wanted, x=x)


@pytest.mark.parametrize(
    ("mode", "numpys"), [("constant", "constant"), ("edge", "edge"), ("reflect", "reflect")]
)
def test_pads(mode: str, numpys: str) -> None:
    x = random(1, 2, 4, 5)
    widths = [(0, 0), (0, 1), (2, 1), (1, 3)]
    written = str([list(each) for each in widths])
    more = {"constant_values": -1.5} if mode == "constant" else {}
    wanted = np.pad(x, widths, numpys, **more)  # type: ignore[call-overload]  # the mode is a word
    if mode == "reflect":
        written, wanted = written.replace("[0, 1]", "[0, 0]"), wanted[:, :2]
    agree(f'nn.pad(%x, -1.5f, pad_width={written}, pad_mode="{mode}")', wanted, x=x)


def test_pads_of_other_spellings() -> None:
    x = random(2, 3)
    wanted = np.pad(x, [(1, 0), (0, 2)], constant_values=3)
    agree("nn.pad(%x, 3f, pad_width=[[1, 0], [0, 2]])", wanted, x=x)
    # TVM before 0.8 had the value as an attribute.
    agree("nn.pad(%x, pad_value=3f, pad_width=[[1, 0], [0, 2]])", wanted, x=x)
    agree("nn.pad(%x, pad_width=[[1, 0], [0, 2]])", np.pad(x, [(1, 0), (0, 2)]), x=x)
    agree("nn.pad(%x, %v, pad_width=[[1, 0], [0, 2]])", wanted, x=x, constants={"v": np.float32(3)})
    reflected = np.pad(x, [(1, 1), (0, 2)], "reflect")
    agree('nn.mirror_pad(%x, mode="REFLECT", pad_width=[[1, 1], [0, 2]])', reflected, x=x)
    doubled = np.pad(x, [(1, 1), (0, 2)], "symmetric")
    agree('nn.mirror_pad(%x, mode="SYMMETRIC", pad_width=[[1, 1], [0, 2]])', doubled, x=x)
    agree("nn.mirror_pad(%x, pad_width=[[1, 1], [0, 2]])", doubled, x=x)


def test_blocks_of_batches() -> None:
    x = random(4, 2, 3, 2)
    agree("nn.batch_to_space_nd(%x, block_shape=[2, 2], crops=[[0, 1], [1, 0]])", _to_space(x), x=x)
    y = random(1, 4, 6, 2)
    agree(
        "nn.space_to_batch_nd(%x, block_shape=[2, 3], paddings=[[1, 1], [0, 0]], pad_value=2f)",
        _to_batch(y),
        x=y,
    )


def _to_space(x: Array) -> Array:
    out = np.zeros((1, 4, 6, 2), np.float32)
    for row, column in itertools.product(range(2), range(2)):
        out[0, row::2, column::2] = x[row * 2 + column]
    return out[:, 0:3, 1:6]


def _to_batch(x: Array) -> Array:
    padded = np.pad(x, [(0, 0), (1, 1), (0, 0), (0, 0)], constant_values=2)
    parts = [padded[:, row::2, column::3] for row in range(2) for column in range(3)]
    return np.concatenate(parts)


def test_what_has_no_form_is_refused() -> None:
    x = random(1, 4, 5, 5)
    refused("nn.lrn(%x, size=4)", "even", x=x)
    refused('nn.pad(%x, 0f, pad_mode="wrap", pad_width=[])', "pad_mode", x=x)
    refused("nn.group_norm(%x, %g, %g)", "groups", x=x, g=random(4))
    refused("nn.group_norm(%x, %g, %g, num_groups=3)", "groups", x=x, g=random(4))
    refused('nn.conv2d(%x, %w, data_layout="NCHW4c")', "layout", x=x, w=random(1, 4, 1, 1))


def test_dropout_gives_a_tuple() -> None:
    x = random(2, 3)
    found = run("nn.dropout(%x)", x=x)
    np.testing.assert_array_equal(found[0], x)
