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
