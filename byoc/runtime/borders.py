"""Borders: the model's own values at the borders of an artefact's segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from byoc.errors import ByocError
from byoc.manifest import Port
from byoc.runtime.origins import Origins, fits
from byoc.runtime.reference import Reference, load_proto

if TYPE_CHECKING:
    from byoc.runtime.artefact import Artefact
    from byoc.runtime.inner import Inner
    from byoc.runtime.tensors import Array


class Borders:
    """The values that `model` (a path or `zoo:NAME`) has at the borders of `artefact`'s segments.

    What ONNX has a name for comes from onnxruntime. The rest came of operators that import took apart, or of
    branches that it took: the model is imported as it was for the artefact, and TVM computes what lies between
    such a value and the nearest ones that have names.
    """

    def __init__(self, model: str, artefact: Artefact) -> None:
        self.model, self.artefact = model, artefact
        self.origins = Origins.of(load_proto(model), artefact.plan)
        self.outputs: dict[str, Array] = {}
        self.found: dict[str, Array] = {}
        self.why = ""

    def run(self, given: Mapping[str, Array]) -> None:
        """Compute them for these inputs of the model. Raises what `Reference` does."""
        ports = {
            port.name: port
            for entry in self.artefact.manifest.segments
            for port in (*entry.inputs, *entry.outputs)
        }
        named = {name: value for name in ports if (value := self.origins.value(name)) is not None}
        inner = self._inner(ports.keys() - named)
        reads = () if inner is None else inner.reads
        named.update((name, value) for name in reads if (value := self.origins.value(name)))
        self.outputs = {**given, **self._reference(named, given)}
        known = {name: self.outputs[value] for name, value in named.items()}
        if inner is not None:
            known.update(self._computed(inner, known))
        self.found = {
            name: known[name]
            for name, port in ports.items()
            if name in known and fits(port, known[name])
        }

    def of(self, port: Port) -> Array | None:
        """The value at `port`, None when it is unknown."""
        return self.found.get(port.name)

    def name(self, port: str) -> str:
        """What a report calls it: the model's own name where there is one."""
        return self.origins.value(port) or port

    def _reference(self, named: Mapping[str, str], given: Mapping[str, Array]) -> dict[str, Array]:
        wanted = dict.fromkeys(value for value in named.values() if value not in given)
        return Reference(self.model, tuple(wanted)).run(given)

    def _inner(self, missing: set[str]) -> Inner | None:
        """The part of the model behind `missing`, None when there is none, or the model is not the artefact's."""
        if not missing:
            return None
        from byoc.frontends import import_model
        from byoc.runtime.inner import Inner

        options: Mapping[str, Any] = self.artefact.plan.get("options", {})
        try:
            model = import_model(
                self.model,
                shapes={name: tuple(shape) for name, shape in options.get("shapes", {}).items()},
                dims=options.get("dims", {}),
            )
        except ByocError as error:
            self.why = f": {error}"
            return None
        bindings = model.origins.get("main", {})
        named = [name for name in bindings if self.origins.value(name) is not None]
        return Inner.of(model, missing, named)

    def _computed(self, inner: Inner, known: Mapping[str, Array]) -> dict[str, Array]:
        try:
            return inner.compute(known)
        except Exception as error:  # TVM's own, those of its legalizers, onnxruntime's
            words: Sequence[str] = str(error).split()
            self.why = f": TVM cannot compute it: {' '.join(words) or type(error).__name__}"
            return {}
