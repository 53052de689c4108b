"""Compile: a model in, one shared library out.

    import -> partition, each segment compiled by its vendor -> host -> link

A model that was compiled before with the same of everything comes out of the cache without any of that, and without
TVM: nothing at the top of this file imports it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from byoc._version import __version__
from byoc.errors import PluginError, UsageError
from byoc.options import COMPILE_STAGES, CompileOptions, Observer
from byoc.spec import value_text

if TYPE_CHECKING:
    from onnx import ModelProto
    from tvm import IRModule

    from byoc.artefact import ArtefactFile
    from byoc.codegen.cache import Cache
    from byoc.codegen.confirm import Confirm
    from byoc.codegen.service import Codegen
    from byoc.codegen.toolchain import Toolchain
    from byoc.frontends.model import Model
    from byoc.host import HostBuild
    from byoc.manifest import Manifest
    from byoc.partition.plan import Plan
    from byoc.pipeline import Partition
    from byoc.plugins import Plugins
    from byoc.store import StoredPartition

__all__ = ["CompileOptions", "Compiled", "compile_model"]

HOST_LIBRARY = "onnxruntime"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled model.

    `path` is the artefact, `plan` and `manifest` are those inside it. `seconds` has the wall time of each stage of
    `COMPILE_STAGES`. `whole` says that the whole artefact came out of the cache, `hits` how many segments did,
    `calls` how many times a vendor's compiler was called. `notes` are what the report should say.
    """

    path: Path
    plan: Plan
    manifest: Manifest
    seconds: Mapping[str, float]
    whole: bool = False
    hits: int = 0
    calls: int = 0
    notes: tuple[str, ...] = field(default=())


def compile_model(
    source: Model | ModelProto | IRModule | StoredPartition | Path | str,
    vendors: Sequence[str],
    output: Path | str,
    options: CompileOptions | None = None,
    observer: Observer | None = None,
) -> Compiled:
    """Compile `source` for `vendors`, in the order of preference, into the shared library `output`.

    `source` is as in `partition_model`, or what `load_partition` gave: its cut is then taken as it is (and
    `vendors` are those of its plan when none are given). `output` is written whole or not at all, and replaced if
    it exists. Raises UsageError, ModelError, PluginError, TableError or PatternError for what the caller can mend.
    """
    from byoc.plugins import Plugins

    options = options or CompileOptions()
    if type(source).__name__ == "StoredPartition":
        plan: Plan = source.plan  # type: ignore[union-attr]  # its type needs TVM
        if vendors and tuple(vendors) != plan.vendors:
            raise UsageError(
                f"vendors given: {list(vendors)}; the partition was made for {list(plan.vendors)}: give those, or "
                "none"
            )
        vendors, options = plan.vendors, _of_plan(plan, options)
    _hold_vendors(vendors, options)
    output = Path(output)
    _hold_output(output)
    return _Compilation(
        source, vendors, output, options, observer or Observer(), Plugins.discover()
    ).run()


@dataclass(slots=True)
class _Compilation:
    """One compilation under way."""

    source: Any
    vendors: Sequence[str]
    output: Path
    options: CompileOptions
    observer: Observer
    plugins: Plugins
    seconds: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("cache", *COMPILE_STAGES, "keep"), 0.0)
    )
    notes: dict[str, None] = field(default_factory=dict)
    chains: dict[str, Toolchain] = field(default_factory=dict)
    cache: Cache | None = None
    key: str | None = None

    def run(self) -> Compiled:
        """Take it from the cache, or make it."""
        from byoc.codegen.cache import Cache

        if self.options.cache:
            self.cache = Cache.at(self.options.cache_dir)
            with self.stage("cache"):
                found = self.known()
            if found is not None:
                return found
        self.chains = self.toolchains()
        return self.make()

    def toolchains(self) -> dict[str, Toolchain]:
        """Who compiles for each vendor."""
        from byoc.codegen.toolchain import toolchain

        texts = self.options.partition.vendor_options
        return {name: toolchain(self.plugins, name, texts.get(name, {})) for name in self.vendors}

    def known(self) -> Compiled | None:
        """The artefact out of the cache; asked for bundles, there is nothing to take."""
        from byoc.codegen.toolchain import plugin_digest
        from byoc.codegen.whole import restore, whole_key
        from byoc.spec import without_tables

        assert self.cache is not None
        library = ""
        if HOST_LIBRARY in self.plugins.names():
            library = plugin_digest(self.plugins, HOST_LIBRARY)
        try:
            with without_tables():
                chains = self.toolchains()
        except PluginError:  # a hook that looks into the table it asked for, or a real mistake
            chains = self.toolchains()
        self.key = whole_key(self.source, list(chains.values()), self.options, {"library": library})
        if self.key is None or self.options.keep is not None:
            return None
        found = restore(self.cache, self.key, self.output)
        if found is None:
            return None
        artefact, entry = found
        notes = tuple(str(note) for note in entry.about.get("notes", ()))
        return self.compiled(artefact, notes, whole=True)

    def make(self) -> Compiled:
        """Partition, compile and link."""
        from byoc.codegen.confirm import Confirm
        from byoc.codegen.service import Codegen

        options = self.options
        codegen = Codegen(
            self.plugins,
            options.partition.vendor_options,
            options.jobs,
            options.timeout,
            options.memory,
            self.cache,
            self.observer,
            chains=dict(self.chains),
        )
        with codegen:
            codegen.preload(self.vendors[0])
            confirm = Confirm(codegen)
            partition = self.partition(confirm)
            if options.keep is not None:
                with self.stage("keep"):
                    self.keep(options.keep, confirm)
            with self.stage("host"):
                host = self.host(partition, confirm, codegen)
        with self.stage("link"):
            artefact = link_partition(partition, host, self.output, self.options.sign)
        notes = tuple(dict.fromkeys([*partition.plan.notes, *host.notes, *self.notes]))
        if self.cache is not None and self.key is not None and not confirm.failed:
            self.cache.write_file(self.key, self.output, {"notes": list(notes)})
        if self.cache is not None:
            notes = tuple(dict.fromkeys([*notes, *self.cache.notes]))
        return self.compiled(artefact, notes, hits=codegen.hits, calls=codegen.calls)

    def partition(self, confirm: Confirm) -> Partition:
        """The partition of which every segment compiles."""
        from byoc.pipeline import open_sessions, partition_for

        options = self.options.partition
        with ExitStack() as stack:
            sessions = open_sessions(stack, self.plugins, self.vendors, options)
            partition = partition_for(
                self.source, sessions, options, observer=self.observer, confirm=confirm
            )
        self.seconds.update(partition.seconds)
        return partition

    def host(self, partition: Partition, confirm: Confirm, codegen: Codegen) -> HostBuild:
        """The host's part."""
        from byoc.host import HostOptions, build_host

        options = HostOptions(self.options.host, self.options.fallback, self.options.target)
        return build_host(partition, confirm.compiled, codegen, options)

    def keep(self, folder: Path, confirm: Confirm) -> None:
        """Leave a bundle of every segment, and of the smallest parts of those that failed."""
        from byoc.codegen.keep import keep

        kept = [*zip(confirm.segments, confirm.outcomes, strict=True), *confirm.failed]
        for segment, outcome in kept:
            keep(folder, segment, outcome, confirm.codegen.chain(segment.vendor))

    def compiled(
        self,
        artefact: ArtefactFile,
        notes: tuple[str, ...],
        *,
        whole: bool = False,
        hits: int = 0,
        calls: int = 0,
    ) -> Compiled:
        """The result."""
        from byoc.store import plan_from_json

        plan = plan_from_json(artefact.plan)
        hits = len(artefact.manifest.segments) if whole else hits
        return Compiled(
            self.output, plan, artefact.manifest, self.seconds, whole, hits, calls, notes
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Tell the observer about a stage and add its time."""
        self.observer.begin(name)
        start = time.perf_counter()
        yield
        seconds = time.perf_counter() - start
        self.seconds[name] += seconds
        self.observer.end(name, seconds)


def link_partition(
    partition: Partition, host: HostBuild, output: Path, sign: Path | None = None
) -> ArtefactFile:
    """Write the artefact of a partition whose host part is built."""
    from importlib.metadata import version

    from byoc.artefact import write_artefact
    from byoc.device import this_device
    from byoc.manifest import Manifest

    manifest = Manifest(
        byoc=__version__,
        tvm=version("apache-tvm"),
        model=partition.plan.model,
        inputs=host.inputs,
        outputs=host.outputs,
        segments=host.segments,
        parts=(),
        plan=0,
        target=host.target,
        host=host.library,
        device=this_device(),
    )
    plan = asdict(partition.plan)
    return write_artefact(output, host.executable, manifest, host.blobs, plan, key=sign)


def _of_plan(plan: Plan, options: CompileOptions) -> CompileOptions:
    """The options with those of a plan: how a model was cut is not asked twice, how vendors compile may be."""
    recorded = plan.options
    texts = {
        vendor: {key: value_text(value) for key, value in values.items()}
        for vendor, values in recorded.get("vendor_options", {}).items()
    }
    for vendor, given in options.partition.vendor_options.items():
        texts[vendor] = {**texts.get(vendor, {}), **given}
    partition = replace(
        options.partition,
        shapes={name: tuple(shape) for name, shape in recorded.get("shapes", {}).items()},
        dims=recorded.get("dims", {}),
        min_ops=recorded.get("min_ops", 0),
        min_macs=recorded.get("min_macs", 0),
        merge=recorded.get("merge", "fewest"),
        qnn=recorded.get("qnn", "qdq"),
        vendor_options=texts,
    )
    return replace(options, partition=partition)


def _hold_vendors(vendors: Sequence[str], options: CompileOptions) -> None:
    from byoc.errors import nearest

    if not vendors or len(set(vendors)) != len(vendors):
        raise UsageError(f"vendors given: {list(vendors)}; expected at least one, each once")
    unknown = sorted(set(options.partition.vendor_options) - set(vendors))
    if unknown:
        raise UsageError(
            f"options are given for vendor {unknown[0]!r}, which is not asked{nearest(unknown[0], vendors)}"
        )


def _hold_output(output: Path) -> None:
    """Say at once, not after minutes of work, what writing would refuse."""
    wrong = ""
    if output.is_dir():
        wrong = "it is a folder"
    elif not output.parent.is_dir():
        wrong = f"there is no folder {output.parent}"
    if wrong:
        raise UsageError(
            f"cannot write the artefact to {output}: {wrong}; name a file, as in model.so"
        )
