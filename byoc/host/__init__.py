"""Host: what no vendor took, as code for the CPU.

    library -> lower -> build

The host library takes the heavy ops (`library`), calls of segments become packed calls (`lower`), and TVM compiles
what is left (`build`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from byoc.host.contract import Codegen, HostBuild, HostOptions

if TYPE_CHECKING:
    from byoc.codegen.compiled import CompiledSegment
    from byoc.pipeline import Partition
    from byoc.support.refusal import Refusal

__all__ = ["Codegen", "HostBuild", "HostOptions", "border_refusal", "build_host"]


def build_host(
    partition: Partition,
    compiled: Sequence[CompiledSegment],
    codegen: Codegen | None,
    options: HostOptions | None = None,
) -> HostBuild:
    """Compile the host's part of `partition`, whose segments are `compiled`.

    `codegen` compiles the host library's segments (vendor "onnxruntime", `Segment.symbol` host_0, ...) and is not
    needed for `library="tvm"`. Raises UsageError for a library that is not installed or a target that TVM does not
    know. Ask `border_refusal` about a vendor's segments before their codegen: host code cannot call every border.
    """
    from byoc.host.build import build

    return build(partition, compiled, codegen, options or HostOptions())


def border_refusal(function: Any) -> Refusal | None:
    """Why host code could not call the segment `function` (a Relax function) of a vendor, None when it can.

    A vendor's segment takes and gives tensors alone, and its output shapes follow from its input shapes.
    """
    from byoc.host.border import refusal

    return refusal(function)
