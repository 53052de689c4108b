"""Operators that move, repeat, pick and make elements."""

import itertools

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused

X = random(2, 3, 4)


@pytest.mark.parametrize(
    ("newshape", "wanted"),
    [
        ("[6, 4]", (6, 4)),
        ("[-1]", (24,)),
        ("24", (24,)),
        ("[0, -1]", (2, 12)),
        ("[0, 0, 2, -1]", (2, 3, 2, 2)),
        ("[-2]", (2, 3, 4)),
        ("[-3, 4]", (6, 4)),
        ("[0, -3]", (2, 12)),
        ("[-4, 1, 2, -2]", (1, 2, 3, 4)),
        ("[2, -4, -1, 3, -2]", (2, 1, 3, 4)),
        ("[-3, -2]", (6, 4)),
    ],
)
def test_reshape(newshape: str, wanted: tuple[int, ...]) -> None:
    agree(f"reshape(%x, newshape={newshape})", X.reshape(wanted), x=X)


def test_reshapes_after_others() -> None:
    agree("reshape_like(%x, %y)", X.reshape(4, 6), x=X, y=random(4, 6))
    part = "lhs_begin=1, lhs_end=3, rhs_begin=0, rhs_end=2"
    agree(f"reshape_like(%x, %y, {part})", X.reshape(2, 6, 2), x=X, y=random(6, 2, 9))
    agree(
        "reshape_like(%x, %y, lhs_begin=-1, rhs_begin=1)",
        X.reshape(2, 3, 2, 2),
        x=X,
        y=random(7, 2, 2),
    )
    agree("squeeze(%x)", X, x=X[:, None, :, :, None])
    agree("squeeze(%x, axis=[-1])", X[:, None], x=X[:, None, :, :, None])
    agree("expand_dims(%x, axis=1, num_newaxis=2)", X[:, None, None], x=X)
    agree("expand_dims(%x, axis=-1)", X[..., None], x=X)
    agree("expand_dims(%x, axis=-2, num_newaxis=2)", X[:, :, None, None, :], x=X)
    agree("expand_dims(%x, axis=0, num_newaxis=0)", X, x=X)


def test_transposes() -> None:
    agree("transpose(%x)", X.T.copy(), x=X)
    agree("transpose(%x, axes=None)", X.T.copy(), x=X)
    agree("transpose(%x, axes=[1, -1, 0])", X.transpose(1, 2, 0), x=X)
    image = random(1, 2, 3, 4)
    layouts = 'src_layout="NCHW", dst_layout="NHWC"'
    agree(f"layout_transform(%x, {layouts})", image.transpose(0, 2, 3, 1), x=image)
    agree("reverse(%x, axis=1)", X[:, ::-1], x=X)
    agree("reverse(%x, axis=-1)", X[..., ::-1], x=X)


def test_joining_and_splitting() -> None:
    y = random(2, 5, 4, seed=1)
    agree("%0 = (%x, %y); concatenate(%0, axis=1)", np.concatenate([X, y], 1), x=X, y=y)
    agree("%0 = (%x, %y); concatenate(%0, axis=-2)", np.concatenate([X, y], 1), x=X, y=y)
    agree("%0 = (%x, %x); stack(%0, axis=1)", np.stack([X, X], 1), x=X)
    agree("%0 = (%x, %x); stack(%0, axis=-1)", np.stack([X, X], -1), x=X)
    agree(
        "%0 = split(%x, indices_or_sections=2, axis=-1); (%0.1, %0.0)", X[..., 2:], X[..., :2], x=X
    )
    agree(
        "%0 = split(%x, indices_or_sections=[1, 3], axis=2); (%0.0, %0.1, %0.2)",
        X[..., :1],
        X[..., 1:3],
        X[..., 3:],
        x=X,
    )


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("begin=[0, 1], end=[2, 3], strides=[1], axes=None", X[0:2, 1:3]),
        ("begin=[0, 1, 0], end=[2, 3, 4], strides=[1, 1, 2], axes=None", X[0:2, 1:3, 0:4:2]),
        # Strides that are not written are 1, whatever the first one is.
        ("begin=[0, 0, 0], end=[2, 3, 4], strides=[2], axes=None", X[::2]),
        ("begin=[0, -2], end=[2, -1], strides=None, axes=None", X[0:2, -2:-1]),
        ("begin=[0, 0], end=[9, 99], strides=[1, 1], axes=None", X),
        ("begin=[1], end=[9223372036854775807], strides=[1], axes=[2]", X[..., 1:]),
        ("begin=[-1], end=[-9], strides=[-1], axes=[-1]", X[..., ::-1]),
        ("begin=[0, 3], end=[2, 0], strides=[1, -2], axes=[0, 2]", X[..., 3:0:-2]),
        ('begin=[0, 1], end=[-1, 2], slice_mode="size"', X[:, 1:3]),
        ('begin=[1, 0, 1], end=[1, -1, 2], strides=[1], slice_mode="size"', X[1:2, :, 1:3]),
        ("begin=[0, None], end=[None, 2], strides=[1, 1]", X[:, :2]),
    ],
)
def test_slices(given: str, wanted: Array) -> None:
    agree(f"strided_slice(%x, {given})", wanted, x=X)


def test_slices_by_constants() -> None:
    bounds = {
        "b": np.array([0, 1], np.int64),
        "e": np.array([2, 3], np.int64),
        "s": np.array([1, 2], np.int64),
    }
    agree("strided_slice(%x, %b, %e, %s)", X[0:2, 1:3:2], x=X, constants=bounds)
    del bounds["s"]
    agree("strided_slice(%x, %b, %e)", X[0:2, 1:3], x=X, constants=bounds)
    agree("slice_like(%x, %y)", X[:1, :2, :3], x=X, y=random(1, 2, 3))
    agree("slice_like(%x, %y, axes=[1, -1])", X[:, :2, :3], x=X, y=random(1, 2, 3))
    agree("slice_like(%x, %y, axes=None)", X[:1, :2, :3], x=X, y=random(1, 2, 3))


PICKS = np.array([[0, 3], [-1, 2]], np.int32)
FAR = np.array([-5, -1, 0, 3, 4, 9], np.int32)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_take(axis: int) -> None:
    inside = np.array([[0, 1], [1, 0]], np.int64)
    agree(f'take(%x, %i, axis={axis}, mode="fast")', X.take(inside, axis), x=X, i=inside)
    agree(f"take(%x, %i, axis={axis})", X.take(FAR, axis, mode="clip"), x=X, i=FAR)
    agree(f'take(%x, %i, axis={axis}, mode="wrap")', X.take(FAR, axis, mode="wrap"), x=X, i=FAR)


def test_take_of_all_elements_and_of_one() -> None:
    agree("take(%x, %i)", X.reshape(-1).take(FAR, mode="clip"), x=X, i=FAR)
    agree("take(%x, 1, axis=1)", X[:, 1], x=X)
    agree("embedding(%t, %i)", X[0][np.array([2, 0, 1])], t=X[0], i=np.array([2, 0, 1], np.int64))


@pytest.mark.parametrize(("batch", "axis"), [(1, 1), (1, 2), (1, -1), (2, 2), (2, 3)])
@pytest.mark.parametrize("mode", ["clip", "wrap", "fast"])
def test_take_within_batches(batch: int, axis: int, mode: str) -> None:
    x = random(2, 3, 4, 5)
    shape = (*x.shape[:batch], 2)
    indices = np.random.default_rng(0).integers(
        -3 if mode != "fast" else 0, 8 if mode != "fast" else 3, shape
    )
    wanted = np.stack(
        [
            x[at].take(indices[at], axis % 4 - batch, mode="raise" if mode == "fast" else mode)  # type: ignore[call-overload]  # a word
            for at in itertools.product(*[range(n) for n in x.shape[:batch]])
        ]
    )
    wanted = wanted.reshape(*x.shape[:batch], *wanted.shape[1:])
    given = f'axis={axis}, batch_dims={batch}, mode="{mode}"'
    agree(f"take(%x, %i, {given})", wanted, x=x, i=indices)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_gather(axis: int, dtype: str) -> None:
    shape = [2, 3, 4]
    shape[axis] = 2
    indices = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    agree(f"gather(%x, %i, axis={axis})", np.take_along_axis(X, indices, axis), x=X, i=indices)


def test_gather_nd_has_its_tuples_along_the_first_axis() -> None:
    indices = np.array([[0, 1, 1], [2, 0, 1]], np.int64)
    agree("gather_nd(%x, %i)", X[indices[0], indices[1]], x=X, i=indices)
    one = np.array([[1, 0]], np.int32)
    agree("gather_nd(%x, %i, index_rank=1)", X[one[0]], x=X, i=one)
    batched = np.array([[[2, 0], [1, 1]]], np.int64)
    wanted = np.stack([X[at][batched[0, at]] for at in range(2)])
    agree("gather_nd(%x, %i, batch_dims=1)", wanted, x=X, i=batched)


def scattered(x: Array, i: Array, u: Array, axis: int, how: str) -> Array:
    found = x.copy()
    for at in itertools.product(*[range(n) for n in i.shape]):
        to = list(at)
        to[axis] = int(i[at])
        spot = tuple(to)
        match how:
            case "update":
                found[spot] = u[at]
            case "add":
                found[spot] += u[at]
            case "mean":
                # Of what is there and what comes, in turn.
                found[spot] = (found[spot] + u[at]) / 2
            case "mul":
                found[spot] *= u[at]
            case "min":
                found[spot] = min(found[spot], u[at])
            case _:
                found[spot] = max(found[spot], u[at])
    return found


@pytest.mark.parametrize("how", ["update", "add", "mul", "mean", "min", "max"])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_scatter_elements(how: str, axis: int) -> None:
    # TVM's kernel, Relay's too, wants all other extents to be those of the data.
    shape, top = list(X.shape), X.shape[axis]
    shape[axis] = 2
    updates = random(*shape, seed=1)
    indices = np.random.default_rng(0).integers(-top, top, shape)
    if how == "update":
        indices = np.argsort(random(*shape, seed=3), axis)
    wanted = scattered(X, indices, updates, axis, how)
    agree(
        f'scatter_elements(%x, %i, %u, axis={axis}, reduction="{how}")',
        wanted,
        x=X,
        i=indices,
        u=updates,
    )
    if how in ("update", "add"):
        old = "scatter" if how == "update" else "scatter_add"
        agree(f"{old}(%x, %i, %u, axis={axis})", wanted, x=X, i=indices, u=updates)


@pytest.mark.parametrize("how", ["update", "add", "mul", "min", "max"])
def test_scatter_nd(how: str) -> None:
    indices = np.array([[0, 1, 1], [2, 0, 1]], np.int64)
    updates = random(3, 4, seed=1)
    wanted = X.copy()
    for at in range(3):
        spot = wanted[indices[0, at], indices[1, at]]
        match how:
            case "update":
                spot[:] = updates[at]
            case "add":
                spot += updates[at]
            case "mul":
                spot *= updates[at]
            case _:
                spot[:] = getattr(np, f"{how}imum")(spot, updates[at])
    agree(f'scatter_nd(%x, %i, %u, mode="{how}")', wanted, x=X, i=indices, u=updates)


def test_repeats() -> None:
    agree("tile(%x, reps=[2, 1, 3])", np.tile(X, (2, 1, 3)), x=X)
    agree("tile(%x, reps=[2])", np.tile(X, 2), x=X)
    agree("tile(%x, reps=[2, 1, 1, 2])", np.tile(X, (2, 1, 1, 2)), x=X)
    agree("repeat(%x, repeats=2, axis=1)", X.repeat(2, 1), x=X)
    agree("repeat(%x, repeats=3, axis=-1)", X.repeat(3, -1), x=X)
    row = random(1, 4)
    agree("broadcast_to(%x, shape=[2, 3, 4])", np.broadcast_to(row, (2, 3, 4)), x=row)
    agree("broadcast_to_like(%x, %y)", np.broadcast_to(row, (2, 3, 4)), x=row, y=X)


def test_tensors_of_one_value() -> None:
    agree('full(2f, shape=[2, 3], dtype="float32")', np.full((2, 3), 2, np.float32))
    agree('full(2, shape=[2], dtype="int8")', np.full(2, 2, np.int8))
    agree('full(3, shape=[], dtype="")', np.int32(3))
    agree("full(%v, shape=[2, 2], dtype=None)", np.full((2, 2), 5, np.float32), v=np.float32(5))
    agree('zeros(shape=[2], dtype="int32")', np.zeros(2, np.int32))
    agree('ones(shape=[1, 2], dtype="float32")', np.ones((1, 2), np.float32))
    agree("full_like(%x, 7f)", np.full_like(X, 7), x=X)
    agree("full_like(%x, 7)", np.full(2, 7, np.int32), x=np.zeros(2, np.int32))


def test_numbers_in_steps() -> None:
    agree(
        'arange(0, 10, 3, start=0, stop=10, step=3, dtype="int32")', np.arange(0, 10, 3, np.int32)
    )
    agree('arange(5f, 0f, -2f, dtype="float32")', np.arange(5, 0, -2, np.float32))
    agree(
        'arange(0f, 1f, 0.1f, dtype="float32")', np.arange(10).astype(np.float32) * np.float32(0.1)
    )
    agree('arange(0, 3, 1, dtype="float32")', np.arange(3, dtype=np.float32))
    refused("arange(0, 3, 0)", "lead nowhere")


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis: int) -> None:
    indices = np.array([[0, 2], [5, -1]], np.int32)
    hot = np.stack([indices == at for at in range(4)], axis)
    agree(
        f'one_hot(%i, 2f, -1f, depth=4, axis={axis}, dtype="float32")',
        np.where(hot, 2, -1).astype(np.float32),
        i=indices,
    )
    agree(f'one_hot(%i, 1, 0, depth=4, axis={axis}, dtype="int8")', hot.astype(np.int8), i=indices)


def test_shapes_are_constants() -> None:
    agree('shape_of(%x, dtype="int64")', np.array([2, 3, 4], np.int64), x=X)
    agree("shape_of(%x)", np.array([2, 3, 4], np.int32), x=X)
    agree('ndarray_size(%x, dtype="int32")', np.int32(24), x=X)


@pytest.mark.parametrize("indexing", ["ij", "xy"])
def test_meshgrid(indexing: str) -> None:
    a, b = random(3), random(4, seed=1)
    wanted = np.meshgrid(a, b, indexing=indexing)  # type: ignore[call-overload]  # a word
    agree(
        f'%0 = (%a, %b); %1 = meshgrid(%0, indexing="{indexing}"); (%1.0, %1.1)', *wanted, a=a, b=b
    )


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_triangles(k: int) -> None:
    agree(f"trilu(%x, {k})", np.triu(X, k), x=X)
    agree(f"trilu(%x, {k}, upper=False)", np.tril(X, k), x=X)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("mode", ["DCR", "CDR"])
def test_blocks_of_points(layout: str, mode: str) -> None:
    x = random(2, 12, 2, 3)
    n, c, h, w = x.shape
    shape = (n, 2, 2, c // 4, h, w) if mode == "DCR" else (n, c // 4, 2, 2, h, w)
    order = (0, 3, 4, 1, 5, 2) if mode == "DCR" else (0, 1, 4, 2, 5, 3)
    wide = x.reshape(shape).transpose(order).reshape(n, c // 4, h * 2, w * 2)
    given, wanted = (
        (x, wide) if layout == "NCHW" else (x.transpose(0, 2, 3, 1), wide.transpose(0, 2, 3, 1))
    )
    agree(
        f'nn.depth_to_space(%x, block_size=2, layout="{layout}", mode="{mode}")',
        wanted,
        x=given.copy(),
    )
    if mode == "DCR":
        agree(f'nn.space_to_depth(%x, block_size=2, layout="{layout}")', given, x=wanted.copy())


def test_what_has_no_form_is_refused() -> None:
    refused("reshape(%x, newshape=[5, 5])", "Reshape expects", x=X)
    refused("split(%x, indices_or_sections=3, axis=2)", "3 parts of an extent of 4", x=X)
    refused("split(%x, indices_or_sections=[2, 1], axis=2)", "do not rise", x=X)
    refused("strided_slice(%x, begin=[0], end=[1], strides=[0])", "a stride of 0", x=X)
    refused("nn.depth_to_space(%x, block_size=2)", "rank 4", x=X)
    refused("broadcast_to(%x)", "no shape", x=X)
    refused('take(%x, 0, axis=0, mode="raise")', "mode 'raise'", x=X)
    refused(
        'layout_transform(%x, src_layout="NCHW", dst_layout="NCHW4c")',
        "from layout",
        x=random(1, 4, 2, 2),
    )
