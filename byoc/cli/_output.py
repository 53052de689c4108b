"""What several subcommands write: refused early when it cannot be written, and written all at once."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from byoc.errors import UsageError


def refuse_taken(output: Path, force: bool, option: str = "-o") -> None:
    """Say at once, not after minutes of work, that `output` cannot be written.

    Folders above it that are missing are made when it is written. Raises UsageError.
    """
    advice = "name a folder that can be made"
    try:
        taken = output.exists() and not force
        folder = next(each for each in output.absolute().parents if each.exists())
    except OSError as error:
        raise UsageError(f"{option} {output}: {error.strerror}; {advice}") from error
    if taken:
        way_out = "name a new folder, or use --force to replace it"
        if option != "-o":
            way_out = "name a new folder"
        raise UsageError(f"{option} {output}: it exists already; {way_out}")
    if output.exists() and not output.is_dir():
        raise UsageError(f"{option} {output}: it is no folder; {advice}")
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        problem = "is not writable" if folder.is_dir() else "is no folder"
        raise UsageError(f"{option} {output}: {folder} {problem}; {advice}")


def refuse_unwritable(path: Path, option: str) -> None:
    """Say at once that the file `path`, which `option` names, cannot be written. Raises UsageError."""
    folder = path.absolute().parent
    problem = (
        "it is a folder"
        if path.is_dir()
        else f"there is no folder {folder}"
        if not folder.is_dir()
        else f"{folder} is not writable"
        if not os.access(folder, os.W_OK)
        else ""
    )
    if problem:
        raise UsageError(
            f"{option} {path}: {problem}; give it a file in a folder that exists and is writable"
        )


def write_file(path: Path, data: bytes, option: str) -> None:
    """Write `data` to `path`, which `option` names, all at once, or leave what was there. Raises UsageError."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise _unwritable(path, option, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except OSError as error:
        raise _unwritable(path, option, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


def _unwritable(path: Path, option: str, error: OSError) -> UsageError:
    return UsageError(
        f"cannot write {str(path)!r}: {error.strerror}; give {option} a file in a folder that exists "
        "and is writable"
    )
