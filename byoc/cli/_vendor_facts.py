"""What `byoc vendors show` says of a vendor beside its support table: hooks, toolchain, driver, options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from byoc.plugins import Plugins
    from byoc.spec import VendorSpec


def vendor_facts(plugins: Plugins, spec: VendorSpec, name: str) -> dict[str, Any]:
    """The facts as plain data."""
    from byoc import hookspecs

    known = sorted(each for each in vars(hookspecs) if each.startswith("byoc_"))
    hooks = [hook for hook in known if plugins.caller(name, hook).get_hookimpls()]
    return {
        "plugin": plugins.owner(name),
        "hooks": hooks,
        "toolchain": spec.toolchain,
        "opset": spec.opset,
        "driver": "" if spec.driver is None else str(spec.driver),
        "options": [_option(key, about) for key, about in _properties(spec.options).items()],
    }


def facts_text(facts: Mapping[str, Any]) -> str:
    """The facts for a terminal of 80 columns."""
    rows = [
        ("plugin", facts["plugin"]),
        ("hooks", ", ".join(facts["hooks"])),
        ("compiles", _compiles(facts)),
        ("runs", _runs(facts)),
        ("toolchain", facts["toolchain"] or "none, or without a version"),
        *([("ONNX opset", str(facts["opset"]))] if facts["opset"] is not None else []),
    ]
    return "\n".join(["", *_table(rows), *_options_text(facts["options"])]) + "\n"


def facts_markdown(facts: Mapping[str, Any]) -> str:
    """The options as a section of the vendor's page; what depends on the machine is left out."""
    if not facts["options"]:
        return ""
    rows = ["| " + " | ".join(map(_cell, _option_cells(each))) + " |" for each in facts["options"]]
    head = [
        "",
        "## Options",
        "",
        "| option | takes | unless given | time | |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    found: Mapping[str, Mapping[str, Any]] = schema.get("properties", {})
    return found


def _option(key: str, about: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": key,
        "type": about.get("type", "any"),
        **({"enum": list(about["enum"])} if "enum" in about else {}),
        **({"default": about["default"]} if "default" in about and not _secret(about) else {}),
        "time": "load" if about.get("x-byoc-time") == "load" else "compile",
        "secret": _secret(about),
        "description": about.get("description", ""),
    }


def _secret(about: Mapping[str, Any]) -> bool:
    return bool(about.get("writeOnly"))


def _compiles(facts: Mapping[str, Any]) -> str:
    if "byoc_codegen" in facts["hooks"]:
        return "its segments, in byoc_codegen"
    return "nothing: without byoc_codegen it can partition alone"


def _runs(facts: Mapping[str, Any]) -> str:
    if facts["driver"]:
        return f"through the native driver {facts['driver']}"
    if "byoc_load" in facts["hooks"]:
        return "through the Python driver of byoc_load"
    return "nothing: it has neither byoc_load nor a native driver"


def _options_text(options: list[dict[str, Any]]) -> list[str]:
    if not options:
        return []
    lines = ["", "options (--vendor-option)"]
    for each, head in zip(options, _table([(o["name"], _about(o)) for o in options]), strict=True):
        lines.append(head)
        if each["description"]:
            lines += _wrapped(each["description"], 6)
    return lines


def _option_cells(option: Mapping[str, Any]) -> tuple[str, ...]:
    time = f"{option['time']}, secret" if option["secret"] else option["time"]
    return (
        f"`{option['name']}`",
        _takes(option),
        _default(option),
        time,
        option["description"],
    )


def _about(option: Mapping[str, Any]) -> str:
    words = [_takes(option), _default(option) and f"{_default(option)} unless given"]
    words.append(f"at {option['time']} time")
    words.append("secret: never in a plan, manifest, log or bundle" if option["secret"] else "")
    return "; ".join(word for word in words if word)


def _takes(option: Mapping[str, Any]) -> str:
    return " or ".join(map(str, option["enum"])) if "enum" in option else str(option["type"])


def _default(option: Mapping[str, Any]) -> str:
    if option.get("default", "") == "":
        return ""
    value = option["default"]
    return str(value).lower() if isinstance(value, bool) else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _table(rows: list[tuple[str, str]]) -> list[str]:
    """`label  value` with the values aligned, wrapped beside their labels; one text a row."""
    width = max(len(label) for label, _ in rows) + 4
    return [
        f"  {label}".ljust(width) + "\n".join(_wrapped(value, width)).lstrip()
        for label, value in rows
    ]


def _wrapped(text: str, indent: int) -> list[str]:
    import textwrap

    return textwrap.wrap(
        " ".join(text.split()),
        80,
        initial_indent=" " * indent,
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
