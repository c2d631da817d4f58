"""Where the pod is in each kind of workload, and how a whole object, or a list of them, is injected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from translators.model.codes import diagnose
from translators.model.meta import ObjectKey
from translators.model.origin import Origin
from xds_server.injection.decision import STATUS
from xds_server.injection.overrides import Refused
from xds_server.injection.pod import inject

if TYPE_CHECKING:
    import collections.abc

    from translators.model.origin import Diagnostic
    from xds_server.injection.settings import InjectionSettings, Mapping, Tree

TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    **dict.fromkeys(
        ("DaemonSet", "Deployment", "Job", "ReplicaSet", "ReplicationController", "StatefulSet"), ("spec", "template")
    ),
}
"""Kind to the path of its pod template."""


class Changed(NamedTuple):
    """An object after injection, and what is to be said about it."""

    tree: Tree
    diagnostics: tuple[Diagnostic, ...]


def inject_object(
    tree: Tree,
    settings: InjectionSettings,
    *,
    namespace: str = "default",
    namespaces: collections.abc.Mapping[str, collections.abc.Mapping[str, str]] | None = None,
) -> Changed:
    """Inject an object of any kind. Those without pods come out as they are.

    `namespace` is that of objects which name none; `namespaces` holds the labels of those that are known. Where Istio
    refuses a pod, its object comes out as it is, with an error.
    """
    if not isinstance(tree, dict) or not isinstance(tree.get("kind"), str) or "apiVersion" not in tree:
        message = "a document is no Kubernetes object: it has no apiVersion and kind"
        return Changed(tree, (diagnose("PF0168", message),))
    kind = cast("str", tree["kind"])
    items = tree.get("items")
    if isinstance(items, list) and kind.endswith("List"):
        made = [inject_object(one, settings, namespace=namespace, namespaces=namespaces) for one in items]
        return Changed({**tree, "items": [one.tree for one in made]}, tuple(d for one in made for d in one.diagnostics))
    path = TEMPLATES.get(kind)
    if path is None:
        return Changed(tree, ())
    return _inject_workload(tree, path, settings, namespace, namespaces or {})


def template_of(tree: Mapping) -> Mapping | None:
    """Return the pod or pod template of a workload; None if it has none."""
    path = TEMPLATES.get(str(tree.get("kind")))
    found: Tree = tree if path is not None else None
    for key in path or ():
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else None


def _inject_workload(
    tree: Mapping,
    path: tuple[str, ...],
    settings: InjectionSettings,
    namespace: str,
    namespaces: collections.abc.Mapping[str, collections.abc.Mapping[str, str]],
) -> Changed:
    meta = tree.get("metadata")
    meta = meta if isinstance(meta, dict) else {}
    namespace, name = str(meta.get("namespace") or namespace), str(meta.get("name") or meta.get("generateName") or "")
    origin = Origin(ObjectKey(str(tree["kind"]), namespace, name), ".".join(path))
    template = template_of(tree)
    if template is None or not isinstance(template.get("spec"), dict):
        message = f"its pod template is missing ({'.'.join((*path, 'spec'))})"
        return Changed(tree, (diagnose("PF0168", message, origin),))
    try:
        done = inject(
            template, settings, namespace=namespace, namespace_labels=namespaces.get(namespace), workload=name
        )
    except Refused as refused:
        return Changed(tree, (refused.diagnostic._replace(origin=origin),))
    if not done.decision.inject:
        if _injected_already(template):  # as expected where a file is injected twice
            return Changed(tree, ())
        return Changed(tree, (diagnose("PF0160", f"not injected, since {done.decision.reason}", origin),))
    notes = tuple(note._replace(origin=origin) for note in done.notes)
    return Changed(_with(tree, path, done.pod), notes)


def _injected_already(template: Mapping) -> bool:
    meta = template.get("metadata")
    annotations = meta.get("annotations") if isinstance(meta, dict) else None
    return isinstance(annotations, dict) and STATUS in annotations


def _with(tree: Mapping, path: tuple[str, ...], value: Mapping) -> Mapping:
    if not path:
        return value
    return {**tree, path[0]: _with(cast("Mapping", tree[path[0]]), path[1:], value)}
