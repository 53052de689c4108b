import subprocess
import sys
from pathlib import Path

import pytest

from byoc.errors import TableError
from byoc.support import load_table
from byoc.support.load import bytes_digest

from .build import HEAD, write


def error(folder: Path, text: str | bytes) -> TableError:
    path = folder / "support.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(TableError) as caught:
        load_table(path).bind()
    assert str(caught.value).startswith(f"{path}:{caught.value.line}:{caught.value.column}: ")
    return caught.value


def place(found: TableError) -> tuple[int, int]:
    return found.line, found.column


@pytest.mark.parametrize(
    ("text", "where", "words"),
    [
        ("", (1, 1), "the table is empty"),
        ("- a", (1, 1), "a support table is a mapping"),
        ("a: [1", (1, 6), "not YAML"),
        ("ops:\n\tnn.relu: {}", (2, 1), "a tab; YAML indents with spaces"),
        ("a: b: c", (1, 5), "mapping values are not allowed"),
        ("a: 1\n---\nb: 2", (2, 1), "another document"),
        ("a: *x", (1, 4), "undefined alias"),
        ("vendor: a\nvendor: b", (2, 1), "'vendor' stands twice"),
        ("? [1]\n: 2", (1, 3), "a key must be plain text"),
        ("vendor: !!python/object:os.system x", (1, 9), "tag"),
        ("a: &a {b: 1}\nc:\n  <<: *a", (3, 3), "use 'extends'"),
        ("a: \x00", (1, 1), "not YAML"),
        ("vendor: npu\nversion: 2", (2, 10), "'version' should be 1, got 2"),
        (HEAD + "patterns:\n  p: exp(x)", (4, 6), "'p' should be a mapping, got 'exp(x)'"),
        ("version: 1", (1, 1), "'vendor' is missing"),
        (HEAD + "opps: {}", (3, 1), "'opps' is no key of table; did you mean 'ops'?"),
        (HEAD + "ops:\n  nn.relu:", (4, 11), "'nn.relu' is empty; write {}"),
        (HEAD + "ops:\n  nn.relu: 3", (4, 12), "expected a list or a mapping"),
        (HEAD + "ops:\n  nn.relu: []", (4, 12), "at least 1 item"),
        (HEAD + "ops:\n  nn.rleu: {}", (4, 3), "there is no op 'nn.rleu'; did you mean 'nn.relu'?"),
        (HEAD + "ops:\n  onnx.LSTN: {}", (4, 3), "did you mean 'onnx.LSTM'?"),
        (
            HEAD + "ops:\n  nn.conv2d:\n    inputs:\n      wieght: {}",
            (6, 7),
            "nn.conv2d has no input 'wieght'; did you mean 'weight'? (it has: data, weight)",
        ),
        (
            HEAD + "ops:\n  nn.conv2d: {attrs: {stride: 1}}",
            (4, 23),
            "nn.conv2d has no attribute 'stride'; did you mean 'strides'?",
        ),
        (HEAD + "ops:\n  nn.relu: {dtypes: [float3]}", (4, 22), "did you mean 'float32'?"),
        (HEAD + "ops:\n  nn.relu: {use: alon}", (4, 18), "'alone', 'joined' or 'fused'"),
        (HEAD + "ops:\n  nn.relu: {rank: {maks: 4}}", (4, 20), "did you mean 'max'?"),
        (HEAD + "ops:\n  nn.relu: {rank: -1}", (4, 19), "expected a whole number"),
        (
            HEAD + 'ops:\n  nn.relu: {inputs: {x: {shape: [1, "%x"]}}}',
            (4, 38),
            "'%x' is no dimension",
        ),
        (
            HEAD + "ops:\n  nn.conv2d: {inputs: {weight: {bytes: {max: 4KIB}}}}",
            (4, 46),
            "'KIB' is no unit of size",
        ),
        (
            HEAD + "ops:\n  nn.conv2d:\n    when:\n    - {holds: 'sum(paddin) == 0'}",
            (6, 20),
            "nn.conv2d has no 'paddin'; did you mean 'padding'?",
        ),
        (
            HEAD + "ops:\n  nn.conv2d:\n    when:\n    - summ(padding) == 0",
            (6, 7),
            "there is no function 'summ'; did you mean 'sum'?",
        ),
        (
            HEAD + "ops:\n  nn.conv2d:\n    when:\n    - data.shpe[0] == 1",
            (6, 11),
            "a tensor has no 'shpe'; did you mean 'shape'?",
        ),
        (
            HEAD + "ops:\n  nn.conv2d:\n    when:\n    - data.quant.scael == 1",
            (6, 17),
            "quant has no 'scael'; did you mean 'scale'?",
        ),
        (
            HEAD + "hardware: {sram: 1}\nops:\n  nn.conv2d: {attrs: {groups: =hw.srm}}",
            (5, 34),
            "hw has no 'srm'; did you mean 'sram'?",
        ),
        (HEAD + "ops:\n  nn.relu: {when: [a b]}", (4, 20), "invalid syntax in 'a b'"),
        (HEAD + "ops:\n  nn.relu: {when: [{hold: x}]}", (4, 21), "did you mean 'holds'?"),
        (HEAD + "patterns:\n  p: {priority: 3}", (4, 6), "'match' is missing"),
        (HEAD + "patterns:\n  p: {match: nn.relu(x), use: fused}", (4, 31), "alone or joined"),
        (HEAD + "segments: {max: =hw.x}\nhardware: {}", (3, 20), "hw has no 'x'"),
        (HEAD + "hardware: {a: 0}\nsegments: {max: =8 / hw.a}", (4, 17), "division by zero"),
        (HEAD + "hardware: {a: x}\nsegments: {max: =hw.a}", (4, 17), "expected a whole number"),
        (HEAD + "defaults: {use: often}", (3, 17), "'alone', 'joined' or 'fused'"),
        (
            HEAD + "hardware: {a: x}\nops: {nn.relu: {rank: =hw.a}}",
            (4, 23),
            "expected a whole number",
        ),
        (HEAD + "ops: {nn.relu: {qdq: =x.rank}}", (3, 22), "fixed for a chip"),
        (HEAD + "ops:\n  concat: {attrs: {axis: null}}", (4, 26), "write [null] for"),
        (HEAD + "extends: base.yaml", (3, 10), "there is no file 'base.yaml'"),
        (HEAD + "extends: 3", (3, 10), "'extends' names one file"),
    ],
)
def test_what_is_wrong_and_where(
    tmp_path: Path, text: str, where: tuple[int, int], words: str
) -> None:
    found = error(tmp_path, text)
    assert words in str(found)
    assert place(found) == where


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    found = error(tmp_path, HEAD.encode() + b"description: caf\xe9\n")
    assert place(found) == (3, 17)
    assert "byte 0xe9 is not UTF-8" in str(found)


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    path = tmp_path / "support.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + HEAD.encode())
    assert load_table(path).vendor == "npu"


def test_missing_files_and_directories(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"none\.yaml:1:1: no such file"):
        load_table(tmp_path / "none.yaml")
    with pytest.raises(TableError, match="cannot be read"):
        load_table(tmp_path)


def test_every_error_has_its_line(tmp_path: Path) -> None:
    text = (
        HEAD + "ops:\n  nn.rleu: {}\n  add: {inputs: {a: {}}}\n  nn.conv2d: {attrs: {grops: 1}}\n"
    )
    lines = str(error(tmp_path, text)).splitlines()
    assert [line.split(":")[1] for line in lines] == ["4", "5", "6"]


def test_a_great_many_errors_are_counted(tmp_path: Path) -> None:
    text = HEAD + "ops:\n" + "".join(f"  no.such{i}: {{}}\n" for i in range(60))
    lines = str(error(tmp_path, text)).splitlines()
    assert len(lines) == 21
    assert lines[-1] == "and 40 more"


def test_documents_cannot_grow_without_limit(tmp_path: Path) -> None:
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 8)
    )
    assert "too large or nested too deeply" in str(error(tmp_path, bomb))
    assert "too large or nested too deeply" in str(error(tmp_path, "a: &a [*a]"))
    assert "nested too deeply" in str(error(tmp_path, "[" * 5000))
    assert "bytes are more than" in str(error(tmp_path, "#" * (1 << 20) + "#"))


def test_extending_merges_and_null_removes(tmp_path: Path) -> None:
    write(
        tmp_path,
        "vendor: family\nversion: 1\nhardware: {sram: 1KiB, line: 64}\n"
        "ops:\n  nn.relu: {}\n  nn.conv2d: {attrs: {groups: 1, strides: 1}}\n",
        "family.yaml",
    )
    table = load_table(
        write(
            tmp_path,
            "vendor: npu\nversion: 1\nextends: family.yaml\nhardware: {sram: 2KiB}\n"
            "ops:\n  nn.relu: null\n  nn.conv2d: {attrs: {strides: null, padding: 0}}\n",
        )
    ).bind()
    assert (table.vendor, dict(table.hardware)) == ("npu", {"sram": 2048, "line": 64})
    assert list(table.ops) == ["nn.conv2d"]
    rules = {each.words: each.rule for each in table.ops["nn.conv2d"][0].constraints}
    assert rules == {"groups: 1": "family.yaml:6", "padding: 0": "support.yaml:7"}


def test_removing_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "ops: {nn.relu: {}}", "base.yaml")
    found = error(tmp_path, HEAD + "extends: base.yaml\nops:\n  nn.rleu: null")
    assert place(found) == (5, 3)
    assert "did you mean 'nn.relu'?" in str(found)


def test_tables_that_extend_each_other(tmp_path: Path) -> None:
    write(tmp_path, HEAD + "extends: support.yaml", "base.yaml")
    path = write(tmp_path, HEAD + "extends: base.yaml")
    with pytest.raises(TableError, match=r"support\.yaml -> base\.yaml -> support\.yaml"):
        load_table(path)
    assert "support.yaml -> support.yaml" in str(error(tmp_path, HEAD + "extends: support.yaml"))


def test_an_error_in_the_extended_table_is_found_there(tmp_path: Path) -> None:
    base = write(tmp_path, HEAD + "ops: {nn.rleu: {}}", "base.yaml")
    with pytest.raises(TableError) as caught:
        load_table(write(tmp_path, HEAD + "extends: base.yaml"))
    assert str(caught.value).startswith(f"{base}:3:7: ")


def test_the_digest_is_that_of_the_content(tmp_path: Path) -> None:
    first = load_table(write(tmp_path, HEAD + "ops: {nn.relu: {rank: 4}}"))
    same = load_table(write(tmp_path, HEAD + "# why\nops:\n  nn.relu:\n    rank: 4\n"))
    other = load_table(write(tmp_path, HEAD + "ops: {nn.relu: {rank: 3}}"))
    assert first.digest == same.digest != other.digest
    assert len(first.digest) == 64


def test_operators_of_other_domains_may_say_anything(tmp_path: Path) -> None:
    text = "ops:\n  com.acme.Fused: {inputs: {a: {rank: 4}}, attrs: {z: 1}, when: [q > 1]}\n"
    assert load_table(write(tmp_path, HEAD + text)).bind().ops["com.acme.Fused"]


def test_loading_imports_neither_tvm_nor_onnx(tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + "ops: {nn.relu: {rank: 4, when: [x.rank > 1]}}")
    code = (
        "import sys; from byoc.support import load_table; load_table(sys.argv[1]).bind();"
        "sys.exit(bool({'tvm', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)


def test_a_table_is_parsed_again_when_one_of_its_files_changed(tmp_path: Path) -> None:
    table, base = tmp_path / "support.yaml", tmp_path / "base.yaml"
    base.write_text(HEAD + "ops:\n  nn.relu: {}\n", "utf-8")
    table.write_text("extends: base.yaml\nvendor: big\n", "utf-8")
    first = load_table(table)
    assert load_table(table) is first
    # As many bytes as before, at about the same time.
    base.write_text(HEAD + "ops:\n  nn.silu: {}\n", "utf-8")
    second = load_table(table)
    assert (set(first.bind().ops), set(second.bind().ops)) == ({"nn.relu"}, {"nn.silu"})
    assert first.digest != second.digest
    base.unlink()
    with pytest.raises(TableError, match=r"no file 'base\.yaml'"):
        load_table(table)


def test_bytes_tell_tables_apart_and_so_do_those_of_a_parent(tmp_path: Path) -> None:
    table, base = tmp_path / "support.yaml", tmp_path / "base.yaml"
    table.write_text(HEAD + "ops:\n  nn.relu: {}\n", "utf-8")
    digests = [bytes_digest(table)]
    table.write_text("# A comment.\n" + table.read_text("utf-8"), "utf-8")
    digests.append(bytes_digest(table))
    for key in ("extends", '"\\x65xtends"'):
        table.write_text(f"{key}: base.yaml\nvendor: big\n", "utf-8")
        for op in ("nn.relu", "nn.silu"):
            base.write_text(HEAD + f"ops:\n  {op}: {{}}\n", "utf-8")
            digests.append(bytes_digest(table))
    # The two spellings of one key make one table.
    assert digests[2:4] == digests[4:6]
    assert len(set(digests)) == 4
