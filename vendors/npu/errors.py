"""What can be wrong with a program or its text."""

from __future__ import annotations

import byoc


class ProgramError(byoc.ByocError):
    """A program is none: cut short, of another version, with an unknown field or unbalanced loops."""


class AssemblyError(byoc.ByocError):
    """Assembly text is malformed: `line` and `column` count from 1, and the message starts with them."""

    def __init__(self, what: str, *, line: int = 0, column: int = 0) -> None:
        self.what, self.line, self.column = what, line, column
        super().__init__(f"line {line}, column {column}: {what}" if line else what)


class MisfitError(byoc.ByocError):
    """A kernel needs `need` of something of which the chip, or what is left of it, has `have`.

    `composite` is that of the layer at fault (an index into Network.composites), where it is known.
    """

    def __init__(self, need: int, have: int, what: str, composite: int | None = None) -> None:
        self.need, self.have, self.what, self.composite = need, have, what, composite
        super().__init__(f"needs {need} {what}, of which there are {have}")


class SimulationError(byoc.ByocError):
    """A program that the simulator refuses to run, or a call that does not fit it.

    `kind` is one of malformed, bounds, deadlock, tokens left, race, steps, cycles, limit, call, and missing for the
    simulator itself; `record` the number of the record that is wrong, where it is one's fault.
    """

    def __init__(self, message: str, *, kind: str, record: int | None) -> None:
        self.kind, self.record = kind, record
        super().__init__(message)
