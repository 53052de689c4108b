"""Names: every ONNX node gets one that is unique and says where it came from."""

from __future__ import annotations

from collections.abc import Iterable

import onnx


def name_nodes(nodes: Iterable[onnx.NodeProto], taken: set[str] | None = None) -> None:
    """Name unnamed nodes after their first output, else `Relu_12`; number the copies of a name used twice."""
    nodes = list(nodes)
    taken = set() if taken is None else taken
    seen = taken | {node.name for node in nodes}
    for index, node in enumerate(nodes):
        name = node.name
        if not name:
            name = next((each for each in node.output if each), "")
            name = name if name and name not in seen else f"{node.op_type}_{index}"
        base, count = name, 0
        while name in taken:
            count += 1
            name = f"{base}_{count}"
            if name not in seen:
                break
        taken.add(name)
        node.name = name
