"""Compare: outputs of an artefact against those of the model in onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from byoc.errors import UsageError, nearest
from byoc.runtime.relay import RelaySource, in_order, is_relay, run_relay

if TYPE_CHECKING:
    from byoc.runtime.tensors import Array


@dataclass(frozen=True, slots=True)
class OutputError:
    """How far an output is from its reference, over all elements.

    `max_abs` is the largest |a - b|. `max_rel` is that divided by the largest |b|: what is small beside the
    tensor's own magnitude does not count as large. `max_elementwise` is the largest |a - b| / |b|, over elements
    whose b is not 0. `snr_db` is 10 log10(sum b^2 / sum (a - b)^2), infinite for equal tensors. `differing` counts
    the elements that are not equal, of `elements`.

    Two NaN, and two infinities of one sign, are equal; a NaN or infinity against anything else makes the errors
    infinite and the ratio minus infinity, and so does a reference of zeros that is not met. `words` say what cannot
    be compared: another shape or dtype.
    """

    name: str
    max_abs: float
    max_rel: float
    max_elementwise: float
    snr_db: float
    differing: int
    elements: int
    words: str = ""


def compare(outputs: Mapping[str, Array], expected: Mapping[str, Array]) -> list[OutputError]:
    """The errors of `outputs`, in their order, against the arrays of the same names in `expected`.

    Raises UsageError when an output is missing there.
    """
    errors = []
    for name, array in outputs.items():
        if name not in expected:
            raise UsageError(
                f"the reference has no output {name!r}{nearest(name, expected)} (it has "
                f"{', '.join(expected) or 'none'}); compare with the model that the artefact was compiled from"
            )
        errors.append(tensor_error(name, array, expected[name]))
    return errors


def tensor_error(name: str, array: Array, expected: Array) -> OutputError:
    """The error of one tensor."""
    if array.shape != expected.shape or array.dtype != expected.dtype:
        words = f"{_kind(array)}, the reference is {_kind(expected)}"
        return OutputError(name, np.inf, np.inf, np.inf, -np.inf, array.size, array.size, words)
    differing, finite, distance = _distances(array, expected)
    if not differing.any():
        return OutputError(name, 0.0, 0.0, 0.0, np.inf, 0, array.size)
    count = int(np.count_nonzero(differing))
    if not finite:
        return OutputError(name, np.inf, np.inf, np.inf, -np.inf, count, array.size)
    magnitude = np.abs(_wide(np.where(np.isfinite(expected), expected, 0)))
    largest, most = float(distance.max()), float(magnitude.max())
    present = magnitude > 0
    with np.errstate(over="ignore"):
        elementwise = float((distance[present] / magnitude[present]).max(initial=0.0))
    return OutputError(
        name,
        largest,
        largest / most if most else np.inf,
        elementwise,
        _snr(magnitude, distance),
        count,
        array.size,
    )


def reference_outputs(
    model: str,
    inputs: Mapping[str, Any],
    params: Path | None = None,
    qnn: str = "qdq",
    *,
    ordered: bool = False,
) -> dict[str, Array]:
    """Run `model` (a path or `zoo:NAME`) in onnxruntime on `inputs`: its outputs by name.

    Relay text (`*.relay`, with its parameters `params` and its quantised operators as `qnn` says) is run by TVM,
    uncut and without optimisation. With `ordered` inputs under names that the model has none of are its inputs in
    their order (`in_order`).

    Every operator is computed by itself, as the model has it: nothing is fused, and quantised models compute in
    float32 between their QDQ pairs. Raises what `Reference` does.
    """
    if is_relay(model):
        return run_relay(RelaySource(model, params, qnn), inputs, ordered)
    if params is not None:
        raise UsageError(f"--params {params} goes with Relay text; {model} is no *.relay")
    from byoc.runtime.reference import Reference

    reference = Reference(model)
    return reference.run(in_order(inputs, reference.input_names) if ordered else inputs)


def reference_words(model: str) -> str:
    """What the reference is, for a report: the model and onnxruntime's version, TVM's for Relay text."""
    if is_relay(model):
        from importlib.metadata import version

        return f"{model}, converted by byoc, in TVM {version('apache-tvm')}"
    import onnxruntime

    return f"{model} in onnxruntime {onnxruntime.__version__}"


def _kind(array: Array) -> str:
    return f"{array.dtype.name} of shape {list(array.shape)}"


def _wide(array: Array) -> Any:
    return array.astype(np.float64)


def _distances(array: Any, expected: Any) -> tuple[Any, bool, Any]:
    """Where two tensors differ, whether all differences are finite, and the distances."""
    if array.dtype.kind in "iub":
        # In uint64 differences of all integers are exact.
        larger, smaller = np.maximum(array, expected), np.minimum(array, expected)
        distance = larger.astype(np.uint64) - smaller.astype(np.uint64)
        return distance != 0, True, distance.astype(np.float64)
    left, right = _wide(array), _wide(expected)
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.where(same, 0.0, np.abs(left - right))
    return ~same, bool(np.isfinite(distance).all()), distance


def _snr(magnitude: Any, distance: Any) -> float:
    """Signal-to-noise ratio in dB; scaled first, so that squares stay finite."""
    signal, noise = _power(magnitude), _power(distance)
    return signal - noise


def _power(values: Any) -> float:
    most = float(values.max())
    if most == 0:
        return -np.inf
    return float(20 * np.log10(most) + 10 * np.log10(np.square(values / most).sum()))


def within(errors: Sequence[OutputError], max_rel: float) -> bool:
    """Whether every output is within the tolerance `max_rel`; a NaN is outside of any."""
    return all(each.max_rel <= max_rel for each in errors)
