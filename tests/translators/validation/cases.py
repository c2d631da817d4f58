"""The tables' form: a snippet of YAML put into an otherwise valid object, and what validation says about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import yaml

from translators.model.decode import decode
from translators.model.origin import Severity
from translators.validation import validate

if TYPE_CHECKING:
    from translators.model.meta import KubeObject


class Case(NamedTuple):
    """One row: what the snippet shows, the snippet, and `CODE path` of each diagnostic."""

    title: str
    snippet: str
    expected: tuple[str, ...] = ()


def case(title: str, snippet: str, *expected: str) -> Case:
    """Make a row; with nothing expected, the snippet is valid."""
    return Case(title, snippet, expected)


def load(kind: str, spec: str, *, version: str = "networking.istio.io/v1", metadata: str = "{name: x}") -> KubeObject:
    """Decode an object that must decode; warnings of decoding are not looked at here."""
    tree = {"apiVersion": version, "kind": kind, "metadata": yaml.safe_load(metadata), **yaml.safe_load(spec)}
    decoded = decode(tree)
    errors = [d for d in decoded.diagnostics if d.severity is Severity.ERROR]
    assert not errors, errors
    assert decoded.object is not None
    return decoded.object


def said(obj: KubeObject) -> tuple[str, ...]:
    """Return what validation says, as `CODE path`, and check that each saying is fit for a user."""
    found = validate(obj)
    for diagnostic in found:
        assert diagnostic.origin is not None
        assert diagnostic.origin.key == obj.key
        assert diagnostic.message
        assert diagnostic.hint, diagnostic
        assert diagnostic.message.isprintable(), diagnostic
    return tuple(f"{d.code} {d.origin.path}" for d in found if d.origin is not None)


def indent(text: str, by: int) -> str:
    """Shift a snippet so that it stands below a key."""
    return "\n".join(" " * by + line for line in text.splitlines())
