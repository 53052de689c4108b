"""Every exception byoc raises on purpose.

Each message says who noticed, what was given, what was expected and what to do. The command line prints it
without a traceback and exits with `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ByocError(Exception):
    """Base of all errors byoc raises on purpose; `exit_code` is what the command line exits with."""

    exit_code = 2


class UsageError(ByocError):
    """An option or argument is wrong: an unknown vendor, a shape that does not fit, an unwritable path."""


class ModelError(ByocError):
    """The model file cannot be used: missing, not ONNX, truncated, of an opset newer than the onnx package."""


class PluginError(ByocError):
    """A vendor plugin cannot be used: it fails to import, names an unknown hook, or shares another's name."""


class TableError(ByocError):
    """A support table is malformed; the message starts with `file:line:column`."""

    def __init__(self, message: str, *, file: str = "", line: int = 0, column: int = 0) -> None:
        self.file, self.line, self.column = file, line, column
        super().__init__(f"{file}:{line}:{column}: {message}" if file else message)


class PatternError(ByocError):
    """A pattern is malformed: a syntax error, an unknown name, an unsupported TVM pattern object.

    For pattern text `line` and `column` count from 1 within the text, and the message starts with them; `what` is
    the message without them.
    """

    def __init__(self, what: str, *, where: str = "", line: int = 0, column: int = 0) -> None:
        self.what, self.line, self.column = what, line, column
        place = f"line {line}, column {column}" if line else ""
        prefix = ", ".join(part for part in (where, place) if part)
        super().__init__(f"{prefix}: {what}" if prefix else what)


class PlanError(ByocError):
    """A written partition cannot be read back: a file is missing, of another version, or altered."""


class BlobError(ByocError):
    """A vendor's codegen gave a blob that is none, or one too large for an artefact."""


class ExportError(ByocError):
    """A region cannot be written as ONNX: an op or a form that ONNX, or the opset asked for, has no word for."""


class ArtefactError(ByocError):
    """An artefact cannot be used: cut short, altered, of another version or machine, or not byoc's at all."""


class InputError(ByocError):
    """The inputs of a run do not fit the model: their count, names, shapes or dtypes."""


class DriverError(ByocError):
    """A segment failed while it ran, or its driver could not be opened: segment, vendor, the driver's words."""

    exit_code = 1


class VerificationError(ByocError):
    """A partitioned module does not mean what its input meant: a defect of byoc, never of the user."""

    exit_code = 1


class ArtefactWarning(UserWarning):
    """An artefact runs, but not as well as it could: a segment should be compiled again, or ran on the host."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `"; did you mean 'X'?"` for the known name closest to `name`, or `""` when none is close."""
    names = sorted(known)
    alike = [each for each in names if each.lower() == name.lower()]
    matches = alike or difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]!r}?" if matches else ""
