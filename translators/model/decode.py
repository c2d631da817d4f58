"""From a tree of mappings, lists and scalars (YAML or JSON) to objects, with every mistake named at its path.

Nothing here raises for bad input: what is wrong becomes a diagnostic, and other objects are not touched by it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from translators.model.codes import diagnose
from translators.model.common import Duration
from translators.model.coverage import ELSEWHERE, NOTICES
from translators.model.kinds import CLUSTER_SCOPED, ISTIO_KINDS, KINDS, api_versions
from translators.model.mesh_config import MeshConfig
from translators.model.meta import KubeObject, ObjectKey
from translators.model.nodes import Surroundings, node_of
from translators.model.origin import Origin
from translators.model.paths import snake_case
from translators.model.walk import BAD, Walk, describe, nearest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.model.coverage import Notice
    from translators.model.origin import Diagnostic
    from translators.model.walk import Node

DEFAULT_NAMESPACE: Final = "default"
MESH_CONFIG_KEY: Final = ObjectKey("MeshConfig", "", "mesh")

_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_NAMESPACE: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_GROUPS_OF: Final[dict[str, str]] = {kind: group for group, kind in KINDS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What came of one document. `object` is None if it cannot be used; `key` is None if not even its name is known."""

    object: KubeObject | None = None
    key: ObjectKey | None = None
    diagnostics: tuple[Diagnostic, ...] = ()


def flatten(tree: object) -> Iterator[tuple[object, str]]:
    """Yield the objects of a document, each with the path at which it stands in it (empty for the document itself).

    `v1 List` and the typed lists of `kubectl get -o yaml` (`VirtualServiceList`) yield their items, also when nested;
    items of a typed list need not repeat apiVersion and kind.
    """
    pending: list[tuple[object, str]] = [(tree, "")]
    while pending:
        node, path = pending.pop()
        kind = node.get("kind") if isinstance(node, dict) else None
        items = node.get("items") if isinstance(node, dict) else None
        if not (isinstance(node, dict) and isinstance(items, list) and isinstance(kind, str) and kind.endswith("List")):
            yield node, path
            continue
        inherited = {} if kind == "List" else {"apiVersion": node.get("apiVersion"), "kind": kind[:-4]}
        prefix = f"{path}.items" if path else "items"
        for index in range(len(items) - 1, -1, -1):
            item = items[index]
            full = {**inherited, **item} if inherited and isinstance(item, dict) else item
            pending.append((full, f"{prefix}[{index}]"))


def decode(tree: object, *, default_namespace: str = DEFAULT_NAMESPACE) -> Decoded:
    """Make the object that a tree describes.

    An empty document (None or an empty mapping) is nothing, without a diagnostic. Errors (no kind, no name, wrong
    types) leave no object; warnings (unknown fields, fields without effect) do. An unknown kind gives a warning and no
    object.
    """
    if tree is None or tree == {}:
        return Decoded()
    header = _header(tree)
    if isinstance(header, Decoded):
        return header
    kind, document = header
    key, problems = _key(kind, document, default_namespace)
    if problems:
        return Decoded(key=key, diagnostics=problems)
    walk = Walk(cast("ObjectKey", key))
    checked = _node(kind).check(document, walk)
    if checked is BAD or walk.failed:
        return Decoded(key=key, diagnostics=walk.finish())
    content = cast("dict[str, Any]", checked)
    content["metadata"]["namespace"] = walk.key.namespace
    try:
        made = msgspec.convert(content, kind, dec_hook=_hook)
    except (msgspec.ValidationError, ValueError, RecursionError) as error:  # a rule that the walk does not know
        walk.report("PF0205", str(error))
        return Decoded(key=key, diagnostics=walk.finish())
    return Decoded(object=made, key=key, diagnostics=walk.finish())


class _Header(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    api_version: str = ""
    kind: str = ""


_header_decoder: Final = msgspec.json.Decoder(_Header)


def decode_bytes(data: bytes | str, kind: type[KubeObject] | None = None) -> Decoded:
    """Make an object of the JSON that the API server sends; see `decode`.

    `kind` says what is expected: items of a list do not carry apiVersion and kind. Kubernetes' own kinds go straight
    from bytes into their partial Structs, the others (and what does not fit, or has a field without effect) through a
    tree, where everything that there is to say is found.
    """
    try:
        header = _header_decoder.decode(data) if kind is None else None
        expected = kind or KINDS.get(_group_and_kind(cast("_Header", header)))
        if (
            expected is not None
            and expected not in ISTIO_KINDS
            and (header is None or header.api_version in api_versions(expected))
        ):
            made = _decoder(expected).decode(data)
            namespaced = (made.metadata.namespace != "") != (expected.KIND in CLUSTER_SCOPED)
            if namespaced and _NAME.fullmatch(made.metadata.name) and not _noticed(made):
                return Decoded(object=made, key=made.key)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        pass  # found again below, where each mistake gets its path
    try:
        tree = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Decoded(diagnostics=(diagnose("PF0201", f"this is not JSON: {error}"),))
    if kind is not None and isinstance(tree, dict):
        tree = {"apiVersion": api_versions(kind)[0], "kind": kind.KIND, **tree}
    return decode(tree)


def decode_mesh_config(tree: object) -> tuple[MeshConfig | None, tuple[Diagnostic, ...]]:
    """Make the settings of the mesh. None in the place of the settings: they have errors, keep the last good ones."""
    if tree is None:
        return MeshConfig(), ()
    walk = Walk(MESH_CONFIG_KEY)
    checked = _mesh_node().check(tree, walk)
    if checked is BAD or walk.failed:
        return None, walk.finish()
    return msgspec.convert(checked, MeshConfig, dec_hook=_hook), walk.finish()


def _header(tree: object) -> tuple[type[KubeObject], dict[str, object]] | Decoded:
    """Find the kind of a document, or say why it has none."""
    if not isinstance(tree, dict):
        return _refused("PF0201", f"expected a Kubernetes object, got {describe(tree)}")
    version, kind = tree.get("apiVersion"), tree.get("kind")
    missing = " and no ".join(n for n, v in (("apiVersion", version), ("kind", kind)) if v is None or v == "")
    if missing:
        hint = "every document begins with apiVersion and kind"
        return _refused("PF0201", f"this document has no {missing}", hint)
    if not isinstance(version, str) or not isinstance(kind, str):
        wrong = ("apiVersion", version) if not isinstance(version, str) else ("kind", kind)
        return _refused("PF0201", f"{wrong[0]} must be a string, not {describe(wrong[1])}")
    group, name = _group_and_kind(_Header(api_version=version, kind=kind))
    known = KINDS.get((group, name))
    subject = _subject(tree)
    if known is None:
        if kind.endswith("List") and "items" in tree:
            return _refused("PF0201", f"the items of a {_short(kind)} must be a list", subject=subject)
        shown = f"{_short(kind)} of {_short(version)}"
        right_group = _GROUPS_OF.get(kind)
        if right_group is not None:
            hint = f"{kind} belongs to {right_group or 'the core group: apiVersion: v1'}"
        else:
            hint = nearest(kind, {k: None for _, k in KINDS})
        return _refused("PF0202", f"the kind {shown} is not known and is ignored", hint, subject)
    if version not in api_versions(known):
        served = ", ".join(api_versions(known))
        message = f"{kind} is not read in version {_short(version)}; it is ignored"
        return _refused("PF0203", message, f"use {served}", subject)
    return known, tree


def _refused(code: str, message: str, hint: str = "", subject: Origin | None = None) -> Decoded:
    return Decoded(diagnostics=(diagnose(code, message, subject, hint=hint),))


def _subject(tree: dict[str, object]) -> Origin | None:
    """The origin to show for a document of an unknown kind: the names that it gives itself."""
    metadata = tree.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str):
        return None
    namespace = namespace if isinstance(namespace, str) else ""
    return Origin(ObjectKey(_short(str(tree["kind"])), _short(namespace), _short(name)))


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."


def _key(
    kind: type[KubeObject], tree: dict[str, object], default_namespace: str
) -> tuple[ObjectKey | None, tuple[Diagnostic, ...]]:
    """Read an object's key, or say why it has none."""
    metadata = tree.get("metadata")
    if metadata is None:
        return None, (diagnose("PF0209", f"this {kind.KIND} has no metadata.name"),)
    if not isinstance(metadata, dict):
        message = f"the metadata of this {kind.KIND} must be a mapping, not {describe(metadata)}"
        return None, (diagnose("PF0209", message),)
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if name is None or name == "":
        return None, (diagnose("PF0209", f"this {kind.KIND} has no metadata.name"),)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "lower case letters, digits, '-' and '.', at most 253"
        return None, (diagnose("PF0209", f"metadata.name of this {kind.KIND} cannot be {describe(name)}", hint=hint),)
    if kind.KIND in CLUSTER_SCOPED:
        return ObjectKey(kind.KIND, "", name), ()
    if namespace is None or namespace == "":
        namespace = default_namespace
    if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
        key = ObjectKey(kind.KIND, "", name)
        hint = "lower case letters, digits and '-', at most 63"
        message = f"metadata.namespace cannot be {describe(namespace)}"
        return None, (diagnose("PF0209", message, Origin(key, "metadata.namespace"), hint=hint),)
    return ObjectKey(kind.KIND, namespace, name), ()


def _group_and_kind(header: _Header) -> tuple[str, str]:
    return header.api_version.rpartition("/")[0], header.kind


def _noticed(made: KubeObject) -> bool:
    """Whether there is something to say about a field that is set."""
    return any((value := get(made)) and value not in notice.unless for get, notice in _notices(type(made)))


@cache
def _notices(kind: type[KubeObject]) -> tuple[tuple[attrgetter[object], Notice], ...]:
    """Return how to get at each field of a kind about which there is something to say. None of them is in a list."""
    return tuple((attrgetter(snake_case(path)), notice) for path, notice in NOTICES.get(kind.KIND, {}).items())


def _hook(kind: type[Any], value: object) -> object:
    """Make the types that msgspec does not know; the walk has made Durations already."""
    if isinstance(value, kind):
        return value
    if kind is Duration and isinstance(value, str):
        return Duration.parse(value)
    msg = f"expected {kind.__name__}"
    raise ValueError(msg)


@cache
def _decoder(kind: type[KubeObject]) -> msgspec.json.Decoder[KubeObject]:
    return msgspec.json.Decoder(kind, dec_hook=_hook)


@cache
def _node(kind: type[KubeObject]) -> Node:
    return node_of(
        msgspec.inspect.type_info(kind),
        Surroundings(
            notices=NOTICES.get(kind.KIND, {}), elsewhere=ELSEWHERE.get(kind.KIND, {}), partial=kind not in ISTIO_KINDS
        ),
    )


@cache
def _mesh_node() -> Node:
    around = Surroundings(notices=NOTICES["MeshConfig"], elsewhere=ELSEWHERE["MeshConfig"], partial=False)
    return node_of(msgspec.inspect.type_info(MeshConfig), around)
