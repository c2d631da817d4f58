"""`docs/coverage.md`: every field of every kind, with what it does or why it does nothing. Made from the model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from translators.model.coverage import ELSEWHERE, NOTICES
from translators.model.effects import EFFECTS, METADATA
from translators.model.effects.kubernetes import NOT_READ
from translators.model.fields import fields_of
from translators.model.kinds import ISTIO_KINDS, KUBERNETES_KINDS
from translators.model.mesh_config import MeshConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.coverage import Notice
    from translators.model.fields import Field

DOCUMENTED: Final[dict[str, type]] = {
    **{kind.KIND: kind for kind in ISTIO_KINDS},
    "MeshConfig": MeshConfig,
    **{kind.KIND: kind for kind in KUBERNETES_KINDS},
}
"""In the order of the page."""

HEAD: Final = """\
# Coverage: what each field does

Every field of every kind that Pilotfish reads: the Envoy field that it sets, in words what else it changes, or why it
has no effect. A field without effect is never ignored in silence: setting it gives the warning `PF0208`
([diagnostics](diagnostics/README.md)), and so does a field that the API has and this page does not (`PF0204`, with the
nearest name).

`[]` stands for an element of a list, `{}` for a value of a map. A row for a message without rows for its parts is for
all of them. This page is made from `translators/model/`: `make docs`; a test compares.
"""


class Row(NamedTuple):
    """A field with what it does; `notice` is what is said when it is set."""

    path: str
    effect: str
    notice: Notice | None


class Coverage(NamedTuple):
    """What is known about the fields of a kind."""

    rows: tuple[Row, ...]
    missing: tuple[str, ...]
    """Fields of which nothing is known."""
    stale: tuple[str, ...]
    """Paths in a table that are no fields."""


def coverage_of(kind: str) -> Coverage:
    """Go through the fields of a kind; `metadata`, which all kinds share, apart."""
    fields = [f for f in fields_of(DOCUMENTED[kind]) if f.path.split(".")[0] != "metadata"]
    effects, notices = EFFECTS.get(kind, {}), NOTICES.get(kind, {})
    known = effects.keys() | notices.keys()
    rows, missing = [], []
    for field in fields:
        if field.path in known:
            rows.append(Row(field.path, effects.get(field.path, ""), notices.get(field.path)))
        elif not field.message and not _covered(field.path, known):
            missing.append(field.path)
    return Coverage(tuple(rows), tuple(missing), tuple(sorted(known - {field.path for field in fields})))


def _covered(path: str, known: set[str]) -> bool:
    """Whether a message around a field has a row, and none of its parts."""
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        above = ".".join(parts[:end])
        for message in (above, above.removesuffix("[]").removesuffix("{}")):
            if message in known:
                return not any(other.startswith((f"{message}.", f"{message}[", f"{message}{{")) for other in known)
    return False


def page() -> str:
    """Return the page as it should be."""
    parts = [HEAD, "\n## Every kind\n\n", *_table(Row(path, effect, None) for path, effect in METADATA.items())]
    for kind in DOCUMENTED:
        rows = _without_repeats(coverage_of(kind).rows, tuple(fields_of(DOCUMENTED[kind])))
        parts.append(f"\n## {kind}\n\n")
        parts += _table(rows) if rows else ["Read for its `metadata` alone.\n"]
        unread = {name: notice for name, notice in ELSEWHERE.get(kind, {}).get("", {}).items() if notice is not None}
        if unread:
            parts.append("\nKeys that are known and not read:\n\n")
            parts += _table(Row(name, "", notice) for name, notice in sorted(unread.items()))
        if kind in NOT_READ:
            parts.append("\nFields that are for others, and not read:\n\n")
            parts += _table(Row(path, whose, None) for path, whose in NOT_READ[kind].items())
    return "".join(parts)


def _without_repeats(rows: tuple[Row, ...], fields: tuple[Field, ...]) -> list[Row]:
    """Leave out the parts of a message that stands in the kind before, with the same rows."""
    message_at = {field.path: field.message for field in fields if field.message}
    first: dict[tuple[str, tuple[Row, ...]], str] = {}
    out: list[Row] = []
    skip = ""
    for at, row in enumerate(rows):
        if skip and row.path.startswith((f"{skip}.", f"{skip}[", f"{skip}{{")):
            continue
        skip = ""
        inside = tuple(
            Row(other.path[len(row.path) :].removeprefix("[]"), other.effect, other.notice)
            for other in rows[at + 1 :]
            if other.path.startswith((f"{row.path}.", f"{row.path}[", f"{row.path}{{"))
        )
        if row.path in message_at and inside:
            same = first.setdefault((message_at[row.path], inside), row.path)
            if same != row.path:
                skip = row.path
                out.append(row._replace(effect=f"{row.effect}; its parts as those of {same}".removeprefix("; ")))
                continue
        out.append(row)
    return out


def _table(rows: Iterator[Row] | list[Row]) -> Iterator[str]:
    yield "| field | what it does |\n|---|---|\n"
    for row in rows:
        said = "" if row.notice is None else f"*{row.notice.message}* ({row.notice.code})"
        text = "; ".join(part for part in (row.effect, said) if part).replace("|", "&#124;")
        yield f"| {row.path} | {text} |\n"
