"""Reference: what the host computes of a segment, to hold a vendor's result against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tvm import IRModule

from byoc.errors import UsageError
from byoc.frontends.model import Model

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from byoc.segment import Segment


def reference(
    segment: Segment,
    inputs: Mapping[str, npt.NDArray[np.generic]] | Sequence[npt.NDArray[np.generic]],
) -> list[npt.NDArray[np.generic]]:
    """Run the function of `segment` by TVM; see `Segment.reference`."""
    from byoc.testing.run import run_model

    names = [param.name for param in segment.function.params]
    if not isinstance(inputs, Mapping):
        if len(inputs) != len(names):
            raise UsageError(
                f"segment {segment.symbol} has the inputs {names}; got {len(inputs)} arrays"
            )
        inputs = dict(zip(names, inputs, strict=True))
    model = Model(
        name=segment.symbol,
        module=IRModule({"main": segment.function.without_attr("global_symbol")}),
        host_nodes=segment.host_nodes,
    )
    return run_model(model, inputs)
