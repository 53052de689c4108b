"""docs/manifest.md names every key of the manifest and of the trailer."""

import re

import pytest

from byoc.manifest import schema
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "manifest.md").read_text("utf-8")
DOCUMENT = schema()


def named(heading: str) -> list[str]:
    """The keys in the first column of the table under a heading."""
    section = re.split(rf"^##+ {heading}$", PAGE, flags=re.MULTILINE)[1].partition("\n## ")[0]
    return re.findall(r"^\| `([a-z0-9]+)` \|", section.partition("\n### ")[0], re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "described"),
    [
        ("The manifest", DOCUMENT),
        ("A segment", DOCUMENT["$defs"]["segment"]),
        ("A port", DOCUMENT["$defs"]["port"]),
        ("A part", DOCUMENT["$defs"]["part"]),
    ],
)
def test_every_key_is_on_the_page(heading: str, described: dict) -> None:
    assert named(heading) == sorted(described["properties"])


def test_the_trailer_is_on_the_page() -> None:
    assert named("The trailer") == ["format", "bytes", "sha256", "container", "signature"]
