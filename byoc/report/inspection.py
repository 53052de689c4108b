"""The report of `byoc inspect`: what an artefact holds, who made it, and whether it may run here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from byoc.manifest import Manifest, Port, SegmentEntry
from byoc.partition.plan import Plan
from byoc.report.built import blob_bytes, target_text
from byoc.report.figures import clean, plural, size
from byoc.report.json import plain, plan_json
from byoc.report.page import columns, fields, line, paragraph
from byoc.report.summary import reasons
from byoc.report.text import coverage_bars, headline, host_reasons, notes
from byoc.verdict import CODES, Verdict

if TYPE_CHECKING:
    from byoc.artefact import ArtefactFile

STYLES = {"optimal": "green", "usable": "yellow", "incompatible": "bold red", "corrupt": "bold red"}
HEADER = ("segment", "vendor", "nodes", "blob", "in", "out")


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was found out about an artefact.

    `plan` is None when another version of byoc wrote it. `verdicts` are those of this machine, by segment;
    `obstacle` is why the host code cannot run here, "" when it can. `signed_by` is the file of the public key that
    the signature was held against, None when none was asked for.
    """

    file: ArtefactFile
    plan: Plan | None
    verdicts: Mapping[str, Verdict]
    obstacle: str = ""
    signed_by: str | None = None

    @property
    def runs(self) -> bool:
        """Whether all of it may run on this machine."""
        return not self.obstacle and all(each.loads for each in self.verdicts.values())


def write_inspection(found: Inspection, out: Console) -> None:
    """Print what `found` says."""
    file, manifest = found.file, found.file.manifest
    line(out, Text.assemble((f"{file.path}", "bold"), f", {size(file.bytes)}"))
    fields(out, _facts(found))
    _ports("Inputs", manifest.inputs, out)
    _ports("Outputs", manifest.outputs, out)
    _segments(manifest, found.verdicts, out)
    line(out, "")
    if found.plan is None:
        line(out, "The plan was written by another version of byoc and is not shown.")
        return
    line(out, "The plan", "bold")
    headline(found.plan, out)
    coverage_bars(found.plan, out)
    host_reasons(found.plan, reasons(found.plan), out)
    notes(found.plan.notes, out)


def inspection_json(found: Inspection) -> dict[str, Any]:
    """The JSON document: the manifest's fields, verdicts of this machine, and the plan's report."""
    file, manifest = found.file, found.file.manifest
    return {
        "ok": found.runs,
        "format": 1,
        "artefact": {"path": str(file.path), "bytes": file.bytes, "sha256": file.sha256},
        "signature": None if file.signature is None else asdict(file.signature),
        "byoc": manifest.byoc,
        "tvm": manifest.tvm,
        "model": manifest.model,
        "host": manifest.host,
        "target": manifest.target,
        "device": plain(manifest.device),
        "verdict": worst(found.verdicts),
        "obstacle": found.obstacle or None,
        "inputs": [_port_json(each) for each in manifest.inputs],
        "outputs": [_port_json(each) for each in manifest.outputs],
        "segments": [_segment_json(manifest, each, found.verdicts) for each in manifest.segments],
        "plan": None if found.plan is None else plan_json(found.plan),
    }


def worst(verdicts: Mapping[str, Verdict]) -> str:
    """The verdict on the whole: that of the segment that is worst off."""
    return max((each.code for each in verdicts.values()), key=CODES.index, default=CODES[0])


def shape_text(port: Port) -> str:
    """`float32 [1, 3, h, w]`; `?` for a dimension, or `[...]` for a shape, that only running tells."""
    if port.shape is None:
        return f"{port.dtype} [...]"
    extents = ", ".join("?" if each is None else str(each) for each in port.shape)
    return f"{port.dtype} [{extents}]"


def _facts(found: Inspection) -> list[tuple[str, str]]:
    file, manifest = found.file, found.file.manifest
    device = manifest.device
    made_on = [str(device.get(key, "")) for key in ("machine", "cpu", "system", "libc")]
    heavy = "" if manifest.host == "tvm" else f"; heavy ops by {manifest.host}"
    return [
        ("model", clean(manifest.model)),
        ("made by", f"byoc {manifest.byoc} with TVM {manifest.tvm}"),
        ("made on", ", ".join(each for each in made_on if each) or "an unknown machine"),
        ("host code", f"{target_text(manifest.target)}{heavy}"),
        ("content", f"whole: every SHA-256 is right; its own begins {file.sha256[:16]}"),
        ("signature", _signature(found)),
        ("here", _here(found)),
    ]


def _signature(found: Inspection) -> str:
    signature = found.file.signature
    if signature is None:
        return "none"
    if found.signed_by is not None:
        return f"Ed25519, by the owner of {found.signed_by} (key {signature.key[:16]})"
    return f"Ed25519, key {signature.key[:16]}; --require-signature PUB says whose it is"


def _here(found: Inspection) -> str:
    if found.obstacle:
        return found.obstacle
    words = {
        "optimal": "runs on this machine",
        "usable": "runs on this machine; compiling it again would serve better",
        "incompatible": "does not run on this machine",
        "corrupt": "does not run: a blob is corrupt",
    }
    return words[worst(found.verdicts)]


def _ports(title: str, ports: Sequence[Port], out: Console) -> None:
    line(out, "")
    line(out, title, "bold")
    for row in columns([(clean(port.name), shape_text(port)) for port in ports], left=2):
        line(out, row)


def _segments(manifest: Manifest, verdicts: Mapping[str, Verdict], out: Console) -> None:
    line(out, "")
    title = "Segments" if manifest.segments else "No segments: TVM runs everything"
    line(out, title, "bold")
    rows = [_row(manifest, each) for each in manifest.segments]
    if not rows:
        return
    header, *lines = columns([HEADER, *rows], left=2)
    line(out, f"{header}  verdict", "dim")
    for entry, row in zip(manifest.segments, lines, strict=True):
        verdict = verdicts[entry.name]
        line(out, Text.assemble(f"{row}  ", (verdict.code, STYLES[verdict.code])))
        if verdict.words:
            paragraph(out, clean(verdict.words), STYLES[verdict.code], indent=4)
        paragraph(out, clean(_made(entry)), "dim", indent=4)


def _row(manifest: Manifest, entry: SegmentEntry) -> tuple[str, ...]:
    return (
        entry.name,
        entry.vendor,
        f"{len(entry.nodes):,}",
        size(blob_bytes(manifest, entry)),
        str(len(entry.inputs)),
        str(len(entry.outputs)),
    )


def _made(entry: SegmentEntry) -> str:
    """Who made a segment's blob, and how."""
    words = [
        "the host library's" if entry.host else "",
        f"plugin {entry.plugin}" if entry.plugin else "",
        f"toolchain {entry.toolchain}" if entry.toolchain else "",
        *(f"{key}={value}" for key, value in sorted(entry.options.items())),
        "host version compiled in" if entry.fallback else "",
        plural(len(entry.parts), "part") if len(entry.parts) != 1 else "",
        f"fingerprint {entry.fingerprint[:16]}",
    ]
    return ", ".join(each for each in words if each)


def _segment_json(
    manifest: Manifest, entry: SegmentEntry, verdicts: Mapping[str, Verdict]
) -> dict[str, Any]:
    verdict = verdicts[entry.name]
    return {
        "name": entry.name,
        "vendor": entry.vendor,
        "host": entry.host,
        "verdict": {"code": verdict.code, "words": verdict.words},
        "nodes": list(entry.nodes),
        "blob_bytes": blob_bytes(manifest, entry),
        "parts": {name: asdict(manifest.parts[i]) for name, i in sorted(entry.parts.items())},
        "plugin": entry.plugin,
        "toolchain": entry.toolchain,
        "table": entry.table,
        "hardware": plain(entry.hardware),
        "options": plain(entry.options),
        "report": plain(entry.report),
        "compat_bytes": len(entry.compat),
        "convention": entry.convention,
        "fallback": entry.fallback,
        "fingerprint": entry.fingerprint,
        "inputs": [_port_json(each) for each in entry.inputs],
        "outputs": [_port_json(each) for each in entry.outputs],
    }


def _port_json(port: Port) -> dict[str, Any]:
    return {
        "name": port.name,
        "dtype": port.dtype,
        "shape": None if port.shape is None else list(port.shape),
        "alignment": port.alignment,
        "order": list(port.order),
    }
