"""`byoc vendors`: list vendors, show and check their support tables."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from byoc.cli._options import Choice, format_option
from byoc.errors import ByocError, UsageError

if TYPE_CHECKING:
    from byoc.plugins import Plugins

NO_TABLE = "no support table; it judges through pattern rows and byoc_check"


@click.group(name="vendors")
def command() -> None:
    """List vendors, show and check their support tables."""


@command.command(name="list")
@format_option
def list_vendors(form: str) -> None:
    """List the installed vendors.

    Each with the distribution that it comes from, a broken one with what is wrong.
    """
    from byoc.plugins import Plugins

    plugins = Plugins.discover()
    records = [_record(plugins, name) for name in plugins.names()]
    if form == "json":
        click.echo(json.dumps(records, indent=2))
        return
    if not records:
        click.echo("no vendors are installed; a plugin is an entry point of the group byoc.vendors")
    width = max((len(each["name"]) for each in records), default=0)
    for each in records:
        about = f"cannot be used: {each['error']}" if each["error"] else each["description"]
        owner = f" [{each['distribution']}]" if each["distribution"] else ""
        click.echo(f"{each['name']:{width}}  {about}{owner}".rstrip())


def _record(plugins: Plugins, name: str) -> dict[str, Any]:
    record: dict[str, Any] = {"name": name, "description": "", "distribution": "", "error": ""}
    try:
        record["distribution"] = plugins.owner(name)
        record["description"] = plugins.spec(name).description
    except ByocError as error:
        # One broken plugin is listed as such; the others are still listed.
        record["error"] = str(error)
    return record


@command.command(name="show")
@click.argument("name")
@click.option("--format", "form", type=Choice(["text", "markdown", "json"]), default="text")
@click.option(
    "--vendor-option", "given", multiple=True, metavar="KEY=VALUE", help="Choose the chip."
)
def show_vendor(name: str, form: str, given: Sequence[str]) -> None:
    """Show what the vendor NAME takes, from its support table, and what its plugin can do."""
    from byoc.cli._vendor_facts import facts_markdown, facts_text, vendor_facts
    from byoc.plugins import Plugins
    from byoc.spec import option_values
    from byoc.support import show

    plugins = Plugins.discover()
    texts = _pairs(given, name)
    spec = plugins.spec(name, texts)
    table = spec.bind(option_values(spec, texts))
    facts = vendor_facts(plugins, spec, name)
    if form == "json":
        record = {"vendor": name} if table is None else show.as_record(table)
        click.echo(json.dumps({**record, **facts}, indent=2, ensure_ascii=False))
        return
    if form == "markdown":
        page = f"# {name}\n\n{NO_TABLE}\n" if table is None else show.as_markdown(table)
        click.echo(page + facts_markdown(facts), nl=False)
        return
    page = f"{name}: {NO_TABLE}\n" if table is None else show.as_text(table)
    click.echo(page + facts_text(facts), nl=False)


@command.command(name="schema")
def print_schema() -> None:
    """Print the JSON Schema of support tables, for editors."""
    from byoc.support.schema import json_schema

    click.echo(json.dumps(json_schema(), indent=2))


@command.command(name="check")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--vendor-option",
    "given",
    multiple=True,
    metavar="KEY=VALUE",
    help="An option that the table's expressions read.",
)
def check_table(file: Path, given: Sequence[str]) -> None:
    """Check the support table FILE.

    Its form, the names in it, its expressions and its patterns.
    """
    from byoc.partition.patterns.rows import table_rows
    from byoc.support import load_table

    table = load_table(file)
    options = {key: _typed(text) for key, text in _pairs(given, table.vendor).items()}
    bound = table.bind({}, options)
    patterns = len(table_rows(bound, table.vendor))
    click.echo(
        f"{file}: ok: {_count(len(list(bound.rows)), 'op row')}, {_count(patterns, 'pattern')}"
    )


def _pairs(given: Sequence[str], vendor: str) -> dict[str, str]:
    """`KEY=VALUE` texts, `VENDOR.KEY=VALUE` as `byoc partition` takes them included."""
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise UsageError(f"--vendor-option {text!r}: expected KEY=VALUE, such as chip=big")
        pairs[key.removeprefix(f"{vendor}.")] = value
    return pairs


def _typed(text: str) -> Any:
    """A number or true/false where the text reads as one: no schema of the options is at hand here."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
