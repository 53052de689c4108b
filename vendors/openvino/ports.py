"""Ports: what OpenVINO made of a segment's inputs and outputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Ports:
    """`places` has, for each input of the compiled model, the place among the segment's `count`.

    OpenVINO leaves out an input of which only the shape matters. `passed` maps outputs that are inputs passed on to
    the inputs' places.
    """

    places: Sequence[int]
    count: int
    passed: Mapping[int, int]

    @classmethod
    def of(cls, model: Any, names: Sequence[str]) -> Ports:
        """Those of a compiled model, of a segment with inputs `names`.

        An input that is passed on has the output's name; order is kept. Raises RuntimeError when another one was
        left out, so that it cannot be told which is which.
        """
        found = [port.node.friendly_name for port in model.inputs]
        renamed = [name for name in found if name not in names]
        missing = [name for name in names if name not in found]
        if renamed and len(renamed) != len(missing):
            raise RuntimeError(f"OpenVINO renamed the inputs {missing} to {renamed}")
        known = dict(zip(renamed, missing, strict=False))
        places = [names.index(known.get(name, name)) for name in found]
        passed = {
            i: place
            for i, output in enumerate(model.outputs)
            for place, port in zip(places, model.inputs, strict=True)
            if output.names & port.names
        }
        return cls(places, len(names), passed)

    def written(self) -> bytes:
        """As JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def read(cls, text: bytes) -> Ports:
        """What `written` wrote."""
        fields = json.loads(text)
        passed = {int(output): place for output, place in fields["passed"].items()}
        return cls(fields["places"], fields["count"], passed)
