"""A packed blob reads back as it was, and anything else is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from byoc.blob import Blob
from byoc.codegen.packed import pack, unpack
from byoc.errors import BlobError

BLOBS = st.builds(
    Blob,
    parts=st.binary(min_size=1) | st.dictionaries(st.text(min_size=1), st.binary(), min_size=1),
    compat=st.binary(),
    report=st.dictionaries(st.text(), st.integers() | st.text() | st.none()),
    alignment=st.sampled_from([1, 64, 4096]),
    orders=st.dictionaries(st.text(), st.permutations(range(4)).map(tuple)),
    files=st.dictionaries(st.text(), st.binary()),
)


@given(BLOBS)
def test_it_reads_back(blob: Blob) -> None:
    again = unpack(b"".join(pack(blob)))
    assert again.named == blob.named
    assert (again.compat, again.report, again.alignment) == (
        blob.compat,
        blob.report,
        blob.alignment,
    )
    assert (again.orders, again.files) == (blob.orders, blob.files)


def test_it_is_refused_at_every_length_but_its_own() -> None:
    data = b"".join(pack(Blob({"a": b"12345", "b": b"678"})))
    for length in [*range(len(data)), len(data) + 1]:
        with pytest.raises(BlobError, match="no packed blob"):
            unpack((data + b"x")[:length])


@given(st.binary(max_size=200))
def test_noise_is_refused(data: bytes) -> None:
    with pytest.raises(BlobError, match="no packed blob"):
        unpack(data)
