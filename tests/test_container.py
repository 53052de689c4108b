import hashlib
import struct
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from byoc.container import MAGIC, pack, unpack
from byoc.errors import ArtefactError
from byoc.manifest import Manifest, Part, Port, SegmentEntry, from_json, schema, to_json

NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
EXTENTS = st.one_of(st.integers(0, 9), NAMES, st.none())
PORTS = st.builds(
    Port,
    NAMES,
    st.sampled_from(["float32", "bfloat16", "int4"]),
    st.one_of(st.none(), st.lists(EXTENTS, max_size=3).map(tuple)),
    st.sampled_from([1, 64, 4096]),
)
JSON = st.dictionaries(
    NAMES, st.one_of(st.integers(), st.booleans(), NAMES, st.lists(st.integers())), max_size=2
)
ENTRIES = st.builds(
    SegmentEntry,
    name=NAMES.filter(bool),
    vendor=NAMES.filter(bool),
    fingerprint=NAMES,
    inputs=st.lists(PORTS, max_size=2).map(tuple),
    outputs=st.lists(PORTS, max_size=2).map(tuple),
    parts=st.just({}),
    host=st.booleans(),
    hardware=JSON,
    options=JSON,
    compat=st.binary(max_size=9),
    report=JSON,
    convention=st.sampled_from(["dps", "returns"]),
    fallback=st.booleans(),
    nodes=st.lists(NAMES, max_size=2).map(tuple),
)
BLOBS = st.dictionaries(NAMES, st.binary(max_size=200), max_size=3)


@st.composite
def filled(draw):
    entries = draw(st.lists(ENTRIES, max_size=3, unique_by=lambda each: each.name))
    manifest = Manifest(
        "0.1", "0.27", draw(NAMES), (draw(PORTS),), (), tuple(entries), (), 0, device=draw(JSON)
    )
    return manifest, {each.name: draw(BLOBS) for each in entries}, draw(st.binary(max_size=50))


@given(filled())
@settings(max_examples=60, deadline=None)
def test_what_is_packed_comes_back(given):
    manifest, blobs, plan = given
    packed, data = pack(manifest, blobs, plan)
    read = unpack(data)
    assert read.manifest == packed
    assert bytes(read.parts[packed.plan]) == plan
    for entry in read.manifest.segments:
        parts = {name: bytes(read.parts[index]) for name, index in entry.parts.items()}
        assert parts == blobs[entry.name]
    assert pack(manifest, blobs, plan)[1] == data


@given(filled())
@settings(max_examples=60, deadline=None)
def test_every_manifest_meets_its_schema_and_reads_back(given):
    packed, _ = pack(*given)
    assert from_json(to_json(packed)) == packed


def small():
    ports = (Port("x", "float32", (1, "n", None)),)
    entries = (
        SegmentEntry("a_0", "a", "f", ports, ports, {}),
        SegmentEntry("a_1", "a", "g", ports, ports, {}, compat=b"\x00\xff"),
    )
    manifest = Manifest("0.1", "0.27", "m", ports, ports, entries, (), 0)
    blobs = {"a_0": {"w": b"shared", "code": b"one"}, "a_1": {"w": b"shared", "code": b"two"}}
    return pack(manifest, blobs, b"{}")


def test_equal_parts_are_stored_once():
    manifest, data = small()
    assert len(manifest.parts) == 4
    assert data.count(b"shared") == 1
    assert manifest.segments[0].parts["w"] == manifest.segments[1].parts["w"]
    assert all(each.offset % 64 == 0 for each in manifest.parts)


def test_cut_short_at_every_length_is_refused():
    _, data = small()
    for length in range(len(data)):
        with pytest.raises(ArtefactError, match=r"cut short|altered"):
            unpack(data[:length])
    with pytest.raises(ArtefactError, match="altered"):
        unpack(data + b"\0")


def test_every_flipped_byte_is_refused():
    _, data = small()
    for place in range(len(data)):
        flipped = bytearray(data)
        flipped[place] ^= 0x40
        with pytest.raises(ArtefactError):
            unpack(bytes(flipped))


def test_other_versions_are_named():
    _, data = small()
    with pytest.raises(ArtefactError, match="format 2, this byoc reads format 1"):
        unpack(data[:8] + b"\x02" + data[9:])
    text = to_json(small()[0]).replace('"format":1', '"format":7')
    with pytest.raises(ArtefactError, match="format 7, this byoc reads format 1"):
        from_json(text)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"byoc":"0.1"', '"byoc":1', "at byoc: 1 is not of type 'string'"),
        ('"byoc":"0.1",', "", "'byoc' is a required property"),
        ('"byoc":"0.1"', '"byoc":"0.1","more":1', "more"),
        ('"byoc":"0.1"', '"byoc":"0.1","byoc":"0.2"', "stands twice"),
        ('"device":{}', '"device":{"n":NaN}', "NaN"),
        ('"AP8="', '"A"', "base64"),
        ('"name":"a_1"', '"name":"a_0"', "two segments 'a_0'"),
        ('"plan":3', '"plan":9', "part 9, of 4"),
        ('"order":[]', '"order":[0,0,1]', "order"),
        ('"dps"', '"other"', "convention"),
        ("{", "", "no JSON"),
    ],
)
def test_a_manifest_that_is_none_is_refused(old, new, words):
    text = to_json(small()[0])
    assert old in text
    with pytest.raises(ArtefactError, match=words):
        from_json(text.replace(old, new, 1))


def sealed(text, tail):
    """A container around any text, with the lengths and the SHA-256 of its header right."""
    body = text.encode() + bytes(-len(text.encode()) % 64) + tail
    digest = hashlib.sha256(text.encode()).digest()
    return struct.pack("<8sIIQ32sQ", MAGIC, 1, 0, len(text.encode()), digest, 64 + len(body)) + body


def test_parts_that_overlap_or_lie_outside_are_refused():
    manifest, data = small()
    tail = data[-(manifest.parts[-1].offset + manifest.parts[-1].bytes) :]
    assert sealed(to_json(manifest), tail) == data
    first, *others = manifest.parts
    for part in (
        replace(first, bytes=80),
        replace(first, offset=1 << 40),
        replace(first, bytes=1 << 40),
    ):
        broken = to_json(replace(manifest, parts=(part, *others)))
        with pytest.raises(ArtefactError, match=r"lies outside|its parts overlap"):
            unpack(sealed(broken, tail))


def test_the_schema_describes_every_field():
    document = schema()
    assert set(document["properties"]) == {each.name for each in fields(Manifest)}
    for name, kind in (("port", Port), ("part", Part), ("segment", SegmentEntry)):
        assert set(document["$defs"][name]["properties"]) == {each.name for each in fields(kind)}
        assert set(document["$defs"][name]["required"]) == {each.name for each in fields(kind)}
