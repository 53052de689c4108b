"""`byoc cache`: show or clear the cache of compiled segments."""

from __future__ import annotations

import json
from pathlib import Path

import click

from byoc.cli._options import format_option


@click.command("cache", short_help="Show or clear the cache of compiled segments.")
@click.option("--clear", is_flag=True, help="Remove everything in it.")
@click.option(
    "--cache-dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The cache in DIR.  [default: $BYOC_CACHE_DIR, else the user's cache folder]",
)
@format_option
def command(clear: bool, cache_dir: Path | None, form: str) -> None:
    """Show where `byoc compile` keeps what vendors compiled, and how full that is; or clear it.

    $BYOC_CACHE_SIZE limits it, in bytes; what was used longest ago goes first.
    """
    from byoc.codegen.cache import Cache
    from byoc.report.figures import size

    cache = Cache.at(cache_dir)
    removed = cache.clear() if clear else None
    usage = cache.usage()
    if form == "json":
        document = {
            "path": str(cache.folder),
            "entries": usage.entries,
            "bytes": usage.bytes,
            "limit": usage.limit,
            "removed": None
            if removed is None
            else {"entries": removed.entries, "bytes": removed.bytes},
        }
        click.echo(json.dumps(document, indent=2))
        return
    click.echo(cache.folder)
    if removed is not None:
        click.echo(f"removed {_entries(removed.entries)}, {size(removed.bytes)}")
    else:
        click.echo(f"{_entries(usage.entries)}, {size(usage.bytes)} of at most {size(usage.limit)}")


def _entries(count: int) -> str:
    return f"{count:,} entr{'y' if count == 1 else 'ies'}"
