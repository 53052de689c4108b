"""Products of matrices as products of the common form."""

from __future__ import annotations

from byoc.vendors.npu.hardware import Hardware
from byoc.vendors.npu.kernels.config import Views
from byoc.vendors.npu.kernels.product import Bank, Batch, Product, Weights, kinds
from byoc.vendors.npu.layers import MatMul
from byoc.vendors.npu.places import View, positions


def matmul(layer: MatMul, views: Views, hw: Hardware) -> Product:
    """(..., M, K) x (..., K, N). With one b for all, leading dimensions are rows of a, where strides allow."""
    a, out = views[layer.a], views[layer.out]
    other = layer.epilogue.other
    third = None if other is None else views[other].broadcast(layer.out.shape)
    shared = len(layer.b.shape) == 2
    batches = _shared(layer, views, (a, out, third)) if shared else None
    return Product(
        composite=layer.composite,
        batches=batches or tuple(_batches(layer, views, (a, out, third))),
        channels=layer.b.shape[-2],
        outputs=layer.b.shape[-1],
        out=layer.out,
        epilogue=layer.epilogue,
        other=other,
        **kinds(layer.a, layer.b),
    )


def _shared(
    layer: MatMul, views: Views, three: tuple[View, View, View | None]
) -> tuple[Batch] | None:
    """One batch of all rows, or None where the leading dimensions cannot be walked as two."""
    x, out, other = (view and _image(view) for view in three)
    if x is None or out is None or (three[2] is not None and other is None):
        return None
    return (Batch(x, (Bank(_bank(layer, views, ()), out, other),)),)


def _image(view: View) -> View | None:
    """(..., M, K) as (1, K, leading, M)."""
    *leading, rows, k = view.shape
    count = 1
    for extent in leading:
        count *= extent
    one = view.reshape((1, count, rows, k))
    return one and one.permute((0, 3, 1, 2))


def _batches(layer: MatMul, views: Views, three: tuple[View, View, View | None]) -> list[Batch]:
    made = []
    for index in positions(layer.a.shape[:-2]):
        x, out, other = (view and _pick(view, index) for view in three)
        assert x is not None and out is not None
        made.append(Batch(x, (Bank(_bank(layer, views, index), out, other),)))
    return made


def _pick(view: View, index: tuple[int, ...]) -> View:
    """The matrix at `index` of the leading dimensions, as (1, columns, 1, rows)."""
    rows, columns = view.shape[-2:]
    one = view.slice((*index, 0, 0), (*(1 for _ in index), rows, columns))
    s1, s0 = one.strides[-2:]
    return View(one.space, one.index, one.offset, (1, columns, 1, rows), (0, s0, 0, s1), one.dtype)


def _bank(layer: MatMul, views: Views, index: tuple[int, ...]) -> Weights | View:
    """The second operand of one batch: constant, as weights of 1 x 1, or a view (K, N)."""
    if layer.b.data is not None:
        data = layer.b.data[index] if len(layer.b.shape) > 2 else layer.b.data
        return Weights(data.T[:, :, None, None])
    view = views[layer.b]
    if len(view.shape) == 2:
        return view
    starts, shape = (*index, 0, 0), (*(1 for _ in index), *view.shape[-2:])
    one = view.slice(starts, shape)
    return View(one.space, one.index, one.offset, one.shape[-2:], one.strides[-2:], one.dtype)
