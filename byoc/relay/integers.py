"""Integers: which ops of a graph are integer operators in Relay, though Relax has them on real numbers.

Relay's FakeQuantizationToInteger turns what stands between `qnn.dequantize` and `qnn.quantize` into operators on
integers (`nn.conv2d` into `qnn.conv2d`, two `qnn.dequantize` and all), if it has a rule for every operator there.
A row of a table that says `nn.conv2d` means the float operator and does not match in there.
"""

from __future__ import annotations

from typing import Any, Final

from byoc.partition.graph import Graph, Kind

_RULES: Final = """
abs add broadcast_to clip concat erf exp expand_dims flatten image.resize2d log matmul max maximum mean min minimum
multiply nn.adaptive_avg_pool1d nn.adaptive_avg_pool2d nn.avg_pool2d nn.conv2d nn.conv2d_transpose nn.leakyrelu
nn.max_pool2d nn.pad nn.relu permute_dims reshape rsqrt sigmoid split sqrt squeeze strided_slice subtract tanh topk
"""

RULES: Final = frozenset(_RULES.split())
"""The ops that FakeQuantizationToInteger has a rule for, by their names in Relax."""

_MEMO: Final = "relay.integers"
_CARRIES: Final = (Kind.TUPLE, Kind.ITEM, Kind.ALIAS)


def is_real(graph: Any, node: int) -> bool:
    """Whether the op at `node` works on real numbers in Relay too."""
    return node not in integers(graph)


def integers(graph: Graph) -> frozenset[int]:
    """The nodes that Relay has in integers, the `dequantize` that only they read with them; found once a graph."""
    known = graph.memo.get(_MEMO)
    if known is None:
        known = graph.memo[_MEMO] = _integers(graph)
    found: frozenset[int] = known
    return found


def _integers(graph: Graph) -> frozenset[int]:
    """Ops that come from `dequantize` and constants alone, and go to `quantize` alone."""
    comes = [_NEVER] * len(graph)
    for node in range(len(graph)):
        comes[node] = _comes(graph, node, comes)
    found: set[int] = set()
    for node in range(len(graph) - 1, -1, -1):
        if comes[node] == _QUANTISED and _goes(graph, node, found):
            found.add(node)
    return frozenset(found)


_NEVER, _CONSTANT, _QUANTISED = 0, 1, 2


def _comes(graph: Graph, node: int, comes: list[int]) -> int:
    """From what `node` comes: `dequantize` and constants, constants alone, or anything else."""
    kind, op = graph.kinds[node], graph.ops[node]
    if kind in (Kind.CONSTANT, Kind.LITERAL):
        return _CONSTANT
    if op == "dequantize":
        return _QUANTISED
    if kind not in _CARRIES and not (kind is Kind.CALL and op in RULES):
        return _NEVER
    given = [comes[each] for each in graph.operands[node]]
    return _NEVER if _NEVER in given else max(given, default=_CONSTANT)


def _goes(graph: Graph, node: int, found: set[int]) -> bool:
    """Whether everything that reads `node` is in integers, or is the `quantize` that ends them."""
    users = graph.users[node]
    if not users or node in graph.escapes:
        return False
    if graph.ops[node] == "dequantize":
        return found.issuperset(users)
    return all(each in found or graph.ops[each] == "quantize" for each in users)
