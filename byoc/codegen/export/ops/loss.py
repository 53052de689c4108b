"""Losses."""

from __future__ import annotations

from byoc.codegen.export._call import Call, Emitter


def nll_loss(call: Call) -> str:
    """NegativeLogLikelihoodLoss."""
    weights = call[2] if len(call.expr.args) > 2 else None
    ignored = int(call.attrs.ignore_index)
    return call.emit(
        "NegativeLogLikelihoodLoss",
        call[0],
        call[1],
        weights,
        reduction=str(call.attrs.reduction),
        ignore_index=ignored,
    )


EMITTERS: dict[str, Emitter] = {
    "nn.nll_loss": Emitter(nll_loss, ("NegativeLogLikelihoodLoss",)),
}
