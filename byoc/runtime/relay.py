"""A Relay model as what an artefact is held against: converted by byoc, run by TVM, uncut and plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc.errors import InputError, nearest
from byoc.manifest import Port
from byoc.runtime.origins import fits

if TYPE_CHECKING:
    from byoc.frontends.model import Model
    from byoc.runtime.artefact import Artefact
    from byoc.runtime.tensors import Array


def is_relay(model: str) -> bool:
    """Whether `model`, a path or `zoo:NAME`, names Relay text."""
    return Path(model).suffix == ".relay"


@dataclass(frozen=True, slots=True)
class RelaySource:
    """How to import a Relay model: the file, that of its parameters, and the form of its quantised operators."""

    model: str
    params: Path | None = None
    qnn: str = "qdq"

    def read(self, options: Mapping[str, Any] | None = None) -> Model:
        """Import it, with the shapes among a plan's `options`. Raises ModelError and UsageError."""
        from byoc.frontends.relay import import_relay

        shapes = (options or {}).get("shapes", {})
        bound = {name: tuple(shape) for name, shape in shapes.items()}
        return import_relay(self.model, params=self.params, shapes=bound, qnn=self.qnn)


def run_relay(
    source: RelaySource, inputs: Mapping[str, Any], ordered: bool = False
) -> dict[str, Array]:
    """The outputs by name; with `ordered` inputs are named by `in_order`.

    Raises ModelError for the model, InputError for inputs that it has not.
    """
    model = source.read()
    return _run(model, _parameters(model, in_order(inputs, model.inputs) if ordered else inputs))


def in_order(given: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """`given` under `names`, one by one in their order, when they share no name and are as many; else as it is.

    Relay and ONNX name the tensors of one network differently.
    """
    if len(given) != len(names) or set(given) & set(names):
        return dict(given)
    return dict(zip(names, given.values(), strict=True))


def _run(model: Model, given: Mapping[str, Array]) -> dict[str, Array]:
    from byoc.testing.run import run_model

    return dict(zip(model.outputs, run_model(model, given), strict=True))


def _parameters(model: Model, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs by the names of Relax's parameters."""
    names = [param.name for param in model.module["main"].params]
    known = dict(zip(model.inputs, names, strict=True))
    for name in inputs:
        if name not in known:
            raise InputError(
                f"the model {model.name} has no input {name!r}{nearest(name, known)} (its inputs: "
                f"{', '.join(known)}); compare with the model that the artefact was compiled from"
            )
    missing = [name for name in known if name not in inputs]
    if missing:
        raise InputError(
            f"the model {model.name} needs the input {missing[0]!r}, which the artefact has not; perhaps it is a "
            "parameter: give the file of parameters with --params"
        )
    return {known[name]: array for name, array in inputs.items()}


@dataclass(slots=True)
class RelayBorders:
    """The values that a Relay model has at the borders of `artefact`'s segments, as `Borders` has those of ONNX.

    The model is imported as it was for the artefact, so that borders are its bindings; TVM computes them.
    """

    source: RelaySource
    artefact: Artefact
    outputs: dict[str, Array] = field(default_factory=dict)
    found: dict[str, Array] = field(default_factory=dict)
    why: str = ""

    def run(self, given: Mapping[str, Array]) -> None:
        """Compute them for these inputs. Raises ModelError for the model, InputError for inputs that it has not."""
        model = self.source.read(self.artefact.plan.get("options"))
        arrays = _parameters(model, given)
        self.outputs = _run(model, arrays)
        ports = {
            port.name: port
            for entry in self.artefact.manifest.segments
            for port in (*entry.inputs, *entry.outputs)
        }
        known = {**arrays, **self._inner(model, set(ports) - set(arrays), arrays)}
        self.found = {
            name: known[name]
            for name, port in ports.items()
            if name in known and fits(port, known[name])
        }

    def of(self, port: Port) -> Array | None:
        """The value at `port`, None when it is unknown."""
        return self.found.get(port.name)

    def name(self, port: str) -> str:
        """What a report calls it."""
        return port

    def _inner(
        self, model: Model, wanted: set[str], arrays: Mapping[str, Array]
    ) -> dict[str, Array]:
        from byoc.runtime.inner import Inner

        try:
            return Inner.of(model, wanted, ()).compute(arrays)
        except Exception as error:  # TVM's own, those of its legalizers
            self.why = (
                f": TVM cannot compute it: {' '.join(str(error).split()) or type(error).__name__}"
            )
            return {}
