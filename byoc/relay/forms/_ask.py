"""What a form demands of the Relax node that it matched: predicates of `Where`."""

from __future__ import annotations

from math import prod
from typing import Any

Shape = tuple[Any, ...]


def shape(graph: Any, node: int) -> Shape | None:
    """The shape of the tensor `node`, None when it is not known to be one."""
    from byoc.partition.facts import tensor

    return tensor(graph, node).shape


def rank(graph: Any, node: int) -> int:
    """The rank of the tensor `node`, -1 when it is not known."""
    found = shape(graph, node)
    return -1 if found is None else len(found)


def keeps_scale(graph: Any, node: int) -> bool:
    """`quantize(op(dequantize(x)))` with one scale and zero point, the same on both sides."""
    from byoc.partition.facts import quant

    if graph.ops[node] != "quantize":
        return False
    inner = graph.operands[node][0]
    before = graph.operands[inner][0] if graph.operands[inner] else inner
    if graph.ops[before] != "dequantize":
        return False
    one, other = quant(graph, node), quant(graph, before)
    return (
        one is not None
        and other is not None
        and (one.scale, one.zero_point) == (other.scale, other.zero_point)
    )


def stored(graph: Any, node: int, number: float) -> int | None:
    """`number` as the integer that stands for it behind the `quantize` at `node`, None for scales along an axis."""
    from byoc.partition.facts import quant

    found = quant(graph, node)
    if found is None or isinstance(found.scale, tuple) or isinstance(found.zero_point, tuple):
        return None
    return round(number / found.scale) + found.zero_point


def quantizes_real(graph: Any, node: int) -> bool:
    """A `quantize` of what Relay has as real numbers: no `qnn.requantize`, and no end of integers."""
    from byoc.relay.integers import is_real

    return is_real(graph, graph.operands[node][0])


def adds_bias(graph: Any, node: int) -> bool:
    """`add` of a vector along one axis of the other operand."""
    return bias_place(graph, node) is not None


def bias_place(graph: Any, node: int) -> int | None:
    """Which operand of the `add` at `node` is the vector, None when there is none."""
    if graph.ops[node] != "add":
        return None
    for place in (1, 0):
        vector = shape(graph, graph.operands[node][place])
        whole = shape(graph, graph.operands[node][1 - place])
        if vector is not None and whole is not None and bias_axis(vector, whole) is not None:
            return place
    return None


def bias_axis(vector: Shape, whole: Shape) -> int | None:
    """The axis of `whole` along which `vector` is added, None when it is no vector along one axis."""
    lead = len(whole) - len(vector)
    if lead < 0 or not vector or len(whole) < 2:
        return None
    wide = [axis for axis, extent in enumerate(vector) if extent != 1]
    if len(wide) > 1:
        return None
    if not wide:
        # A single channel: NCHW has it in place 1, a matrix at the end.
        channel = 1 if len(vector) > 1 else len(whole) - 1
        return channel if whole[channel] == 1 else None
    axis = lead + wide[0]
    return axis if vector[wide[0]] == whole[axis] else None


def is_matrix_product(graph: Any, node: int) -> bool:
    """`matmul` by a matrix."""
    return bool(graph.ops[node] == "matmul") and rank(graph, graph.operands[node][1]) == 2


def is_plain_product(graph: Any, node: int) -> bool:
    """`matmul` by a matrix that is computed and not transposed: a constant one is a dense layer's weight."""
    from byoc.partition.graph import Kind

    if not is_dense_as_is(graph, node):
        return False
    right = graph.operands[node][1]
    stored = graph.operands[right][0] if graph.ops[right] == "dequantize" else right
    return bool(graph.kinds[stored] is not Kind.CONSTANT)


def is_dense_of_transposed(graph: Any, node: int) -> bool:
    """`matmul` by a matrix that is transposed right before."""
    if not is_matrix_product(graph, node):
        return False
    return bool(graph.ops[graph.operands[node][1]] == "permute_dims")


def is_dense_as_is(graph: Any, node: int) -> bool:
    """`matmul` by a matrix that is not transposed before."""
    return is_matrix_product(graph, node) and not is_dense_of_transposed(graph, node)


def is_batched(graph: Any, node: int) -> bool:
    """`matmul` of two stacks of matrices."""
    return graph.ops[node] == "matmul" and all(
        rank(graph, each) >= 3 for each in graph.operands[node]
    )


def is_batched_of_swapped(graph: Any, node: int) -> bool:
    """`matmul` of two stacks, the last axes of the second swapped right before."""
    from byoc.partition.facts import attributes

    if not is_batched(graph, node):
        return False
    right = graph.operands[node][1]
    if graph.ops[right] != "permute_dims":
        return False
    count = rank(graph, right)
    swapped = (*range(count - 2), count - 1, count - 2)
    return bool(attributes(graph, right).get("axes") == swapped)


def flattens(graph: Any, node: int) -> bool:
    """`reshape` or `flatten` that keeps the first axis and joins all others."""
    if graph.ops[node] not in ("reshape", "flatten"):
        return False
    given, made = shape(graph, graph.operands[node][0]), shape(graph, node)
    if given is None or made is None or len(made) != 2 or len(given) < 2 or given[0] != made[0]:
        return False
    return not all(isinstance(each, int) for each in given[1:]) or prod(given[1:]) == made[1]


def pools_all(graph: Any, node: int) -> bool:
    """A mean or maximum over both spatial axes of an image, which keeps them."""
    from byoc.partition.facts import attributes

    if rank(graph, node) != 4:
        return False
    attrs = attributes(graph, node)
    if graph.ops[node] == "nn.adaptive_avg_pool2d":
        return attrs.get("output_size") in ((1, 1), (1,), 1)
    return attrs.get("axis") in ((2, 3), (1, 2)) and bool(attrs.get("keepdims"))
