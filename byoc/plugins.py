"""Plugins: discovery by entry points, validation, and the plugin manager.

Nothing is discovered when byoc is imported, and no plugin is imported before a vendor is asked for. Bundled vendors
load exactly as third-party ones do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from inspect import Parameter, signature

import pluggy

from byoc import hookspecs
from byoc.errors import ByocError, PluginError, UsageError, nearest
from byoc.spec import VendorSpec, schema_mistake

GROUP = "byoc.vendors"


@dataclass(slots=True)
class Plugins:
    """The vendor plugins of this environment.

    `entries` maps a vendor's name to its entry points: more than one is an error of that vendor alone. `broken`
    maps the name of a plugin that could not be loaded to the reason; it never stops another vendor.
    """

    entries: Mapping[str, Sequence[EntryPoint]]
    broken: dict[str, PluginError] = field(default_factory=dict)
    _manager: pluggy.PluginManager = field(init=False)

    def __post_init__(self) -> None:
        self._manager = pluggy.PluginManager("byoc")
        self._manager.add_hookspecs(hookspecs)

    @classmethod
    def discover(cls) -> Plugins:
        """Read the entry points of every installed distribution (about 0.1 s); imports no plugin."""
        entries: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entry_points(group=GROUP), key=lambda e: (e.name, e.value, _owner(e))):
            known = entries.setdefault(entry.name, [])
            # One distribution may be on the path twice (a build folder beside an editable install).
            if (entry.value, _owner(entry)) not in [(e.value, _owner(e)) for e in known]:
                known.append(entry)
        return cls(entries)

    def names(self) -> tuple[str, ...]:
        """The names of all vendors, sorted, broken ones included."""
        return tuple(self.entries)

    def owner(self, vendor: str) -> str:
        """The distribution that brings `vendor`, with its version: `mychip-byoc 1.0`."""
        return _owner(self._entry(vendor))

    def load(self, vendor: str) -> object:
        """Import and register the plugin of `vendor` (once) and return it.

        Raises UsageError for an unknown vendor, PluginError when the plugin cannot be used.
        """
        entry = self._entry(vendor)
        loaded = self._manager.get_plugin(vendor)
        if loaded is not None:
            return loaded
        if vendor in self.broken:
            raise self.broken[vendor]
        try:
            return self._register(entry)
        except PluginError as error:
            self.broken[vendor] = error
            raise

    def load_all(self) -> dict[str, object]:
        """Load every plugin that can be loaded; the others are in `broken` afterwards."""
        loaded: dict[str, object] = {}
        for vendor in self.entries:
            try:
                loaded[vendor] = self.load(vendor)
            except PluginError as error:
                self.broken[vendor] = error
        return loaded

    def spec(self, vendor: str, options: Mapping[str, str] | None = None) -> VendorSpec:
        """Ask the plugin of `vendor`, and no other, for its spec.

        Raises UsageError for an unknown vendor, PluginError when the plugin fails or answers something else, and
        lets the errors of its support table through.
        """
        plugin = self.load(vendor)
        caller = self._only(plugin, "byoc_vendor_spec")
        try:
            spec = caller(vendor=vendor, options=dict(options or {}))
        except ByocError:
            raise
        except (Exception, SystemExit) as error:
            raise self._failed(vendor, "byoc_vendor_spec raised", error) from error
        if not isinstance(spec, VendorSpec):
            raise PluginError(
                f"vendor {vendor!r} ({self.owner(vendor)}): byoc_vendor_spec returned {spec!r}, expected a "
                "byoc.VendorSpec; return VendorSpec.from_table(PATH)"
            )
        if spec.name not in ("", vendor):
            raise PluginError(
                f"vendor {vendor!r} ({self.owner(vendor)}): its spec or support table names vendor {spec.name!r}; "
                f"expected {vendor!r}, the name of its entry point in the group {GROUP}"
            )
        wrong = schema_mistake(spec.options)
        if wrong:
            raise PluginError(
                f"vendor {vendor!r} ({self.owner(vendor)}): the options of its VendorSpec are {wrong}; expected a "
                'JSON Schema such as {"type": "object", "properties": {"chip": {"enum": ["a", "b"]}}}'
            )
        return spec if spec.name else replace(spec, name=vendor)

    def callers(self, hook: str) -> list[tuple[str, pluggy.HookCaller]]:
        """The plugins that implement `hook`, by name, each with a caller of that plugin alone."""
        loaded = self.load_all()
        return [
            (name, caller)
            for name, plugin in loaded.items()
            if (caller := self._only(plugin, hook)).get_hookimpls()
        ]

    def caller(self, vendor: str, hook: str) -> pluggy.HookCaller:
        """A caller of `hook` of the plugin of `vendor` alone; it answers None, or [], where that has no such hook.

        Raises UsageError for an unknown vendor, PluginError when the plugin cannot be used.
        """
        return self._only(self.load(vendor), hook)

    def module(self, vendor: str) -> str:
        """The name of the module that the plugin of `vendor` is, or is in."""
        return self._entry(vendor).module

    def is_bundled(self, vendor: str) -> bool:
        """Whether the plugin of `vendor` comes with byoc itself."""
        return self.module(vendor).startswith("byoc.vendors.")

    def _only(self, plugin: object, hook: str) -> pluggy.HookCaller:
        others = [each for each in self._manager.get_plugins() if each is not plugin]
        return self._manager.subset_hook_caller(hook, others)

    def _entry(self, vendor: str) -> EntryPoint:
        found = self.entries.get(vendor)
        if not found:
            raise UsageError(
                f"no vendor {vendor!r}{nearest(vendor, self.entries)} (installed: "
                f"{', '.join(self.entries) or 'none'}); `byoc vendors list` shows where each comes from"
            )
        if len(found) > 1:
            owners = " and ".join(f"{_owner(each)} ({each.value})" for each in found)
            raise PluginError(
                f"two plugins claim the vendor name {vendor!r}: {owners}; expected one; uninstall one of them"
            )
        return found[0]

    def _register(self, entry: EntryPoint) -> object:
        vendor = entry.name
        try:
            plugin: object = entry.load()
        except (Exception, SystemExit) as error:
            raise self._failed(vendor, f"importing {entry.value!r} raised", error) from error
        wrong = _hook_mistake(plugin)
        if wrong:
            raise PluginError(f"vendor {vendor!r} ({_owner(entry)}): {wrong}")
        try:
            self._manager.register(plugin, name=vendor)
        except (pluggy.PluginValidationError, ValueError) as error:
            self._manager.unregister(name=vendor)
            raise self._failed(vendor, "its hooks do not fit:", error) from error
        return plugin

    def _failed(self, vendor: str, what: str, error: BaseException) -> PluginError:
        return PluginError(
            f"vendor {vendor!r} ({self.owner(vendor)}): {what} {type(error).__name__}: {error}; repair or "
            "reinstall that distribution"
        )


def _hook_mistake(plugin: object) -> str:
    """What is wrong with the hooks of a plugin, "" for nothing: their names, their marks, their arguments."""
    known = {name: hook for name, hook in vars(hookspecs).items() if name.startswith("byoc_")}
    for name in sorted(each for each in dir(plugin) if each.startswith("byoc_")):
        hook = getattr(plugin, name)
        marker = getattr(hook, "byoc_impl", None)
        if name not in known:
            if marker is not None and not marker.get("optionalhook"):
                return (
                    f"unknown hook {name!r}{nearest(name, known)}; this byoc has {', '.join(sorted(known))}; "
                    "mark it @byoc.hookimpl(optionalhook=True) if it is for another version"
                )
            continue
        if marker is None:
            if callable(hook):
                return f"{name} is not marked as a hook; write @byoc.hookimpl above it"
            continue
        takes = list(signature(known[name]).parameters)
        for argument, about in signature(hook).parameters.items():
            # As pluggy has it: an argument with a default is the plugin's own.
            if argument not in takes and about.default is Parameter.empty:
                near = nearest(argument, takes)
                return f"{name} takes no argument {argument!r}{near} (it has: {', '.join(takes)})"
    return ""


def _owner(entry: EntryPoint) -> str:
    distribution = entry.dist
    if distribution is None:
        return "unknown distribution"
    # Each time it is asked for, the metadata is parsed anew.
    about = distribution.metadata
    return f"{about['Name']} {about['Version']}"
