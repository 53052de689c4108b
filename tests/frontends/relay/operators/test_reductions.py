"""Reductions, sums along axes, and order."""

import numpy as np
import pytest

from tests.frontends.relay.operators.harness import Array, agree, random, refused

X = random(2, 3, 4, 5)
AXES = [
    ("", (0, 1, 2, 3)),
    ("axis=[1]", (1,)),
    ("axis=[-1, 0]", (0, 3)),
    ("axis=[1, 2], exclude=True", (0, 3)),
    ("axis=[-1], exclude=True", (0, 1, 2)),
    # Without axes there is nothing to leave out.
    ("exclude=True", (0, 1, 2, 3)),
    ("axis=2", (2,)),
    ("axis=None", (0, 1, 2, 3)),
]


def written(*parts: str) -> str:
    return ", ".join(each for each in ("%x", *parts) if each)


@pytest.mark.parametrize(("axes", "found"), AXES)
@pytest.mark.parametrize("keep", [False, True])
def test_reductions(axes: str, found: tuple[int, ...], keep: bool) -> None:
    given = written(axes, "keepdims=True" if keep else "")
    names = ["sum", "max", "min", "prod", "mean"]
    body = "; ".join(f"%{at} = {name}({given})" for at, name in enumerate(names))
    wanted = [getattr(np, name)(X, axis=found, keepdims=keep) for name in names]
    fields = ", ".join(f"%{at}" for at in range(len(names)))
    agree(f"{body}; ({fields})", *wanted, x=X, rtol=1e-4)


def test_reductions_of_nothing_give_their_argument() -> None:
    for name in ("sum", "max", "mean", "prod"):
        agree(f"{name}(%x, axis=[0, 1, 2, 3], exclude=True)", X, x=X)


@pytest.mark.parametrize(("axes", "found"), AXES[:4])
def test_truths(axes: str, found: tuple[int, ...]) -> None:
    truths = X > -1.5
    agree(f"all({written(axes)})", truths.all(axis=found), x=truths)
    agree(f"any({written(axes)})", (X > 2).any(axis=found), x=X > 2)


def test_a_mean_of_integers_has_no_fraction() -> None:
    x = random(2, 7, dtype="int32")
    wanted = np.trunc(x.sum(1) / 7).astype(np.int32)
    agree("mean(%x, axis=[1])", wanted, x=x)
    agree("sum(%x, axis=[1])", x.sum(1, dtype=np.int32), x=x)


@pytest.mark.parametrize("unbiased", [False, True])
def test_variance_is_around_what_it_is_given(unbiased: bool) -> None:
    flag = f"axis=[1, 2], unbiased={unbiased}"
    wanted = X.var((1, 2), ddof=int(unbiased))
    agree(
        f"%0 = mean(%x, axis=[1, 2], keepdims=True); variance(%x, %0, {flag})",
        wanted,
        x=X,
        rtol=1e-4,
    )
    one_axis = X.mean(1, keepdims=True)
    agree(
        "%0 = mean(%x, axis=[1], keepdims=True); variance(%x, %0, axis=[1, 2])",
        ((X - one_axis) ** 2).mean((1, 2)),
        x=X,
        rtol=1e-4,
    )
    agree(f"variance(%x, {flag}, keepdims=True)", wanted[:, None, None], x=X, rtol=1e-4)
    around = ((X - 1) ** 2).sum((1, 2)) / (12 - int(unbiased))
    agree(f"variance(%x, 1f, {flag})", around.astype(np.float32), x=X, rtol=1e-4)


TIES = np.array([[3, 1, 3, 0], [0, 0, 5, 5], [2, 2, 2, 2]], np.float32)


def last(x: Array, axis: int, keep: bool) -> Array:
    found = np.argmax(np.flip(x, axis), axis, keepdims=keep)
    return (x.shape[axis] - 1 - found).astype(np.int32)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("keep", [False, True])
def test_the_first_or_last_of_equals(axis: int, keep: bool) -> None:
    given = f"axis=[{axis}], keepdims={keep}"
    first = np.argmax(TIES, axis, keepdims=keep).astype(np.int32)
    agree(f"argmax(%x, {given})", first, x=TIES)
    agree(f"argmax(%x, {given}, select_last_index=True)", last(TIES, axis, keep), x=TIES)
    agree(f"argmin(%x, {given})", np.argmin(TIES, axis, keepdims=keep).astype(np.int32), x=TIES)
    agree(f"argmin(%x, {given}, select_last_index=True)", last(-TIES, axis, keep), x=TIES)


def test_extremes_over_several_axes_count_through_them() -> None:
    flat = X.transpose(0, 3, 1, 2).reshape(2, 5, 12).argmax(-1).astype(np.int32)
    agree("argmax(%x, axis=[1, 2])", flat, x=X)
    agree("argmax(%x, axis=[0, 3], exclude=True, keepdims=True)", flat[:, None, None], x=X)
    agree("argmin(%x)", np.int32(X.argmin()), x=X)
    agree("argmin(%x, keepdims=True)", np.full((1, 1, 1, 1), X.argmin(), np.int32), x=X)


def test_logsumexp() -> None:
    wanted = np.log(np.exp(X.astype(np.float64)).sum((1, 3))).astype(np.float32)
    agree("logsumexp(%x, axis=[1, 3])", wanted, x=X)
    agree("logsumexp(%x, axis=[1, 3], keepdims=True)", wanted[:, None, :, None], x=X)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_running_totals(axis: int) -> None:
    x = random(3, 4)
    agree(f"cumsum(%x, axis={axis})", np.cumsum(x, axis), x=x)
    agree(f"cumprod(%x, axis={axis})", np.cumprod(x, axis), x=x)
    agree(f"cumsum(%x, axis={axis}, exclusive=True)", np.cumsum(x, axis) - x, x=x, atol=1e-5)
    agree(f"cumsum(%x, axis={axis}, exclusive=1)", np.cumsum(x, axis) - x, x=x, atol=1e-5)


def test_running_totals_of_all_elements_and_of_another_dtype() -> None:
    x = random(3, 4, dtype="int32")
    agree("cumsum(%x)", np.cumsum(x).astype(np.int32), x=x)
    agree('cumsum(%x, axis=0, dtype="int64")', np.cumsum(x, 0), x=x)
    small = np.full((2, 100), 100, np.int8)
    agree('cumsum(%x, axis=1, dtype="int32")', np.cumsum(small, 1, dtype=np.int32), x=small)


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_sorts(axis: int) -> None:
    agree(f"sort(%x, axis={axis})", np.sort(X, axis), x=X)
    agree(f"sort(%x, axis={axis}, is_ascend=False)", -np.sort(-X, axis), x=X)
    ascending = np.argsort(X, axis, kind="stable")
    agree(f'argsort(%x, axis={axis}, dtype="int32")', ascending.astype(np.int32), x=X)
    descending = np.argsort(-X, axis, kind="stable")
    agree(f'argsort(%x, axis={axis}, is_ascend=False, dtype="int64")', descending, x=X)
    agree(
        f'argsort(%x, axis={axis}, is_ascend=0, dtype="float32")',
        descending.astype(np.float32),
        x=X,
    )


@pytest.mark.parametrize(("axis", "k"), [(-1, 2), (1, 1), (0, 2), (2, -1), (3, 0)])
def test_the_first_of_an_order(axis: int, k: int) -> None:
    count = k if k >= 1 else X.shape[axis]
    order = np.argsort(-X, axis, kind="stable").take(range(count), axis)
    values = np.take_along_axis(X, order, axis)
    given = f"%x, k={k}, axis={axis}"
    agree(f'%0 = topk({given}, dtype="int32"); (%0.0, %0.1)', values, order.astype(np.int32), x=X)
    agree(f'topk({given}, ret_type="values", dtype="int32")', values, x=X)
    agree(f'topk({given}, ret_type="indices", dtype="int64")', order, x=X)
    order = np.argsort(X, axis, kind="stable").take(range(count), axis)
    agree(f'topk({given}, ret_type="indices", is_ascend=True, dtype="int64")', order, x=X)


def test_what_has_no_form_is_refused() -> None:
    refused("topk(%x, k=6)", "the first 6 of 5", x=X)
    refused('topk(%x, ret_type="all")', "ret_type 'all'", x=X)
    refused("sum(%x, axis=[1, -3])", "name one twice", x=X)
    refused("cumsum(%x, axis=[1, 2])", "axis", x=X)
