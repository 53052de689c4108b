"""`byoc inspect`: show what an artefact holds, without running any of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc.cli._options import format_option
from byoc.errors import ArtefactError

if TYPE_CHECKING:
    from byoc.artefact import ArtefactFile
    from byoc.partition.plan import Plan
    from byoc.report.inspection import Inspection


@click.command("inspect", short_help="Show what an artefact holds.")
@click.argument("artefact", type=click.Path(path_type=Path))
@click.option(
    "--extract",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write the segments' blobs to the new folder DIR, a file for each part.",
)
@click.option(
    "--require-signature",
    "public_key",
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="Fail unless it is signed with the partner of the public key in the PEM file PUB.",
)
@format_option
def command(artefact: Path, extract: Path | None, public_key: Path | None, form: str) -> int:
    """Show everything of ARTEFACT but what it computes: manifest, plan, signature, verdicts of this machine.

    Its code is not loaded. Exits with 1 when a segment may not run on this machine.
    """
    from byoc.cli._output import refuse_taken
    from byoc.cli._terminal import stdout_to_stderr
    from byoc.report.inspection import inspection_json, write_inspection

    if extract is not None:
        refuse_taken(extract, force=False, option="--extract")
    with stdout_to_stderr():
        found = _inspect(artefact, public_key)
        if extract is not None:
            _extract(artefact, extract)
    if form == "json":
        click.echo(json.dumps(inspection_json(found), indent=2))
    else:
        from byoc.report import console

        write_inspection(found, console())
    return 0 if found.runs else 1


def _inspect(artefact: Path, public_key: Path | None) -> Inspection:
    from byoc.artefact import read_artefact
    from byoc.report.inspection import Inspection
    from byoc.runtime.verdicts import verdicts

    file = read_artefact(artefact)
    if public_key is not None:
        file.require_signature(public_key)
    return Inspection(
        file=file,
        plan=_plan(file.plan),
        verdicts=verdicts(file.manifest),
        obstacle=_obstacle(file),
        signed_by=None if public_key is None else str(public_key),
    )


def _obstacle(file: ArtefactFile) -> str:
    """Why the host code cannot run on this machine, "" when it can."""
    from byoc.device import this_device
    from byoc.runtime.verdicts import hold_host

    try:
        hold_host(str(file.path), file.manifest, this_device())
    except ArtefactError as error:
        return str(error)
    return ""


def _plan(document: Mapping[str, Any]) -> Plan | None:
    """The plan; None for one that another version of byoc wrote."""
    from byoc.store import plan_from_json

    try:
        return plan_from_json(document)
    except (KeyError, TypeError):
        return None


def _extract(artefact: Path, folder: Path) -> None:
    """Write each part of each blob to `folder`/SEGMENT/PART; all or nothing."""
    from byoc.artefact import read_blobs
    from byoc.store import new_folder

    with new_folder(folder, "the blobs") as made:
        for segment, parts in read_blobs(artefact).items():
            for name, data in parts.items():
                place = made / file_name(segment) / file_name(name)
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(data)


def file_name(name: str) -> str:
    """`name` as a file's name within its folder: a vendor names its parts as it likes."""
    from urllib.parse import quote

    quoted = quote(name, safe=" ")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted
