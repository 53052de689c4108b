"""The documentation names every hook, argument, option and page there is."""

import inspect
import re
from importlib import import_module

import click
import pytest

from byoc import hookspecs
from byoc.cli import SUBCOMMANDS
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PLUGINS = (DOCS / "plugins.md").read_text("utf-8")
HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("byoc_"))


@pytest.mark.parametrize("name", HOOKS)
def test_a_hook_is_documented_with_its_arguments(name: str) -> None:
    hook = getattr(hookspecs, name)
    arguments = ", ".join(inspect.signature(hook).parameters)
    assert f"`{name}({arguments})`" in PLUGINS
    for argument in inspect.signature(hook).parameters:
        assert f"`{argument}`" in (hook.__doc__ or ""), f"{name} says nothing of {argument}"


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "mkdocs.yml").read_text("utf-8")
    for page in sorted(DOCS.rglob("*.md")):
        assert page.relative_to(DOCS).as_posix() in navigation


def options() -> list[object]:
    """Every option of every subcommand."""
    return [
        pytest.param(each, id=f"{name}-{each.name}")
        for name in SUBCOMMANDS
        for each in import_module(f"byoc.cli.{name.replace('-', '_')}").command.params
        if isinstance(each, click.Option)
    ]


@pytest.mark.parametrize("option", options())
def test_an_option_is_documented(option: click.Option) -> None:
    pages = "".join(page.read_text("utf-8") for page in [ROOT / "README.md", *DOCS.rglob("*.md")])
    assert any(re.search(rf"`[^`]*{re.escape(name)}\b", pages) for name in option.opts)
    assert option.help
