from __future__ import annotations

import re
import time
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from xds_server.sources.marks import FileMarks
from xds_server.sources.yaml_tree import MAX_NODES, YamlError, documents


def trees(text: str) -> list[object]:
    return [document.tree for document in documents(text.encode())]


def alias_bomb() -> bytes:
    """Nine lists of nine aliases each: 9 ** 9 strings if written out."""
    lines = [b"a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]".encode() for i in range(1, 10)]
    return b"\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n", []),
        ("---\n---\na: 1", [None, {"a": 1}]),
        ("a: 1\n---\nb: 2\n...\n", [{"a": 1}, {"b": 2}]),
        ("\ufeffa: 1", [{"a": 1}]),
        ('{"a": [1, true, null, "\\u00e9\\/"],\n\t"b": {}}', [{"a": [1, True, None, "é/"], "b": {}}]),
        ("80: x\non: y\n1.10: z", [{"80": "x", "on": "y", "1.10": "z"}]),
        ("a: &x {b: 1}\nc: *x", [{"a": {"b": 1}, "c": {"b": 1}}]),
        ("a: &k key\n*k : 1", [{"a": "key", "key": 1}]),
        ("&k key: *k", [{"key": "key"}]),
        ("a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}", [{"a": {"p": 1, "q": 2}, "b": {"p": 1, "q": 3}}]),
        ("- &x {p: 1}\n- &y {p: 2, q: 2}\n- {<<: [*x, *y]}", [[{"p": 1}, {"p": 2, "q": 2}, {"p": 1, "q": 2}]]),
        ("a: '<<'\n'<<': 1", [{"a": "<<", "<<": 1}]),
        ("a: !!str 80", [{"a": "80"}]),
        ("a: |\n  x\n  y\nb: >-\n  x\n  y", [{"a": "x\ny\n", "b": "x y"}]),
    ],
)  # fmt: skip
def test_documents_are_read(text: str, expected: list[object]) -> None:
    assert trees(text) == expected


@pytest.mark.parametrize(
    ("data", "code", "line", "words"),
    [
        (b"a: [1, 2\nb: 3", "PF0103", 2, ""),
        (b"a: b: c", "PF0103", 1, "mapping values are not allowed"),
        (b"a:\n\tb: 1", "PF0103", 2, "spaces, not with tabs"),
        (b"a: 1\n\tb: 1", "PF0103", 2, "spaces, not with tabs"),
        (b"a: *x", "PF0103", 1, "no anchor"),
        (b"a: &x [*x]", "PF0103", 1, "inside what it stands for"),
        (b"? [a]\n: 1", "PF0103", 1, "key must be a string"),
        (b"a: &x [b]\n*x : 1", "PF0103", 2, "key must be a string"),
        (b": 1", "PF0103", 1, ""),
        (b"~: 1", "PF0103", 1, "a key is missing"),
        (b"<<: 1", "PF0103", 1, "takes a mapping"),
        (b"<<: []", "PF0103", 1, "takes a mapping"),
        (b"a: !foo b", "PF0103", 1, "!foo"),
        (b"a: !!python/object:os.system {}", "PF0103", 1, "not supported"),
        (b"a: !!int b", "PF0103", 1, "!!int"),
        (b"%YAML 3.0\n---\na: b", "PF0103", 1, ""),
        (b"[" * 400_000, "PF0104", 1, "100 levels"),
        (b"{a: " * 400_000, "PF0104", 1, "100 levels"),
        (b"- " * 400_000, "PF0104", 1, "100 levels"),
        (b"a: &x " + b"[" * 60 + b"]" * 60 + b"\nb: " + b"[" * 60 + b"*x" + b"]" * 60, "PF0104", 2, "100 levels"),
        (b"[" + b"a," * (MAX_NODES + 1) + b"]", "PF0104", 1, "1,000,000 parts"),
        (alias_bomb(), "PF0105", 5, "write them out"),
        (b"a: &x [1]\nb: [" + b"*x," * 10_000 + b"]", "PF0105", 2, ""),
        (b"a: 1\nb: 2\na: 3", "PF0106", 3, "first in line 1"),
        (b"'80': 1\n80: 2", "PF0106", 2, "80"),
        (b"x: &x {a: 1}\ny: {<<: *x, <<: *x}", "PF0106", 2, "<<"),
        (b"a: 1\nb: x\0y", "PF0107", 2, "NUL"),
        ("a: 1".encode("utf-16"), "PF0107", 1, "UTF-16"),
        ("a: 1".encode("utf-32"), "PF0107", 1, "save it as UTF-8"),
        ("a: 1".encode("utf-16-le"), "PF0107", 1, "NUL"),
        (b"a: 1\nb: \xff", "PF0107", 2, "not UTF-8"),
        (b"a: 1\nb: \x01", "PF0107", 2, "control characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named_with_its_line(data: bytes, code: str, line: int, words: str) -> None:
    with pytest.raises(YamlError) as caught:
        list(documents(data))
    error = caught.value
    assert (error.code, error.line) == (code, line)
    assert words in f"{error.message} {error.hint}"


@pytest.mark.parametrize("data", [b"[" * 400_000, alias_bomb()], ids=["brackets", "aliases"])
def test_bombs_are_refused_at_once(data: bytes) -> None:
    began = time.process_time()
    with pytest.raises(YamlError):
        list(documents(data))
    assert time.process_time() - began < 0.2


def test_documents_before_a_broken_one_are_yielded() -> None:
    found = documents(b"a: 1\n---\nb: [")
    assert next(found).tree == {"a": 1}
    with pytest.raises(YamlError):
        next(found)


GO_NUMBER = re.compile(r"[-+]?([0-9.]+[eE][-+]?[0-9]+|0o[0-7_]+)")
"""What Go reads as a number and PyYAML as text, which it so writes without quotes."""
TEXT = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), max_size=8).filter(
    lambda text: not GO_NUMBER.fullmatch(text)
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | TEXT,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(st.text("abcé.-0", max_size=4), inside, max_size=4),
    max_leaves=20,
)
YAMLISH = st.text("ab:- []{}&*!\n<'\"#?|>%,", max_size=60)


@given(VALUES)
@settings(deadline=None)
def test_what_pyyaml_and_json_write_reads_back(value: Any) -> None:
    assert trees(yaml.safe_dump(value, allow_unicode=True)) == [value]
    assert trees(yaml.safe_dump(value, default_flow_style=True)) == [value]
    assert trees(msgspec.json.encode(value).decode()) == [value]


@given(st.binary(max_size=80) | st.text(max_size=80).map(str.encode) | YAMLISH.map(str.encode))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_documents_or_an_error(data: bytes) -> None:
    error = None
    try:
        for document in documents(data):
            FileMarks("f", document.mark).locate("a[0].b")
    except YamlError as caught:
        error = caught
    assert error is None or (error.message and 0 <= error.line <= data.count(b"\n") + data.count(b"\r") + 2)


MARKED = """\
# a comment
apiVersion: v1
spec:
  http:
  - match:
    - uri:
        exact: /a
    per_try_timeout: 1s
  -
    "x.y": 2
  flow: {a: 1, b: [1,
    2]}
  copy: &c
    inside: 1
  again: *c
  merged:
    <<: *c
    own: 1
---
second: 1
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 2),
        ("apiVersion", 2),
        ("spec", 3),
        ("spec.http", 4),
        ("spec.http[0]", 5),
        ("spec.http[0].match[0].uri", 6),
        ("spec.http[0].match[0].uri.exact", 7),
        ("spec.http[0].match[0].uri.prefix", 6),
        ("spec.http[0].perTryTimeout", 8),
        ('spec.http[1]["x.y"]', 10),
        ("spec.http[7].match", 4),
        ("spec.flow.b[1]", 12),
        ("spec.again", 15),
        ("spec.again.inside", 14),
        ("spec.merged.inside", 14),
        ("spec.merged.own", 18),
        ("apiVersion.nonsense[0]", 2),
    ],
)
def test_marks_find_the_longest_known_prefix(path: str, line: int) -> None:
    first, second = documents(MARKED.encode())
    location = FileMarks("a.yaml", first.mark).locate(path)
    assert (location.file, location.line) == ("a.yaml", line)
    assert str(FileMarks("a.yaml", second.mark).locate("second")) == "a.yaml:20"
