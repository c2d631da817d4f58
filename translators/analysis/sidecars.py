"""Sidecars that another one stands before, and hosts that they import in vain."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from translators.analysis.mesh import on_mesh
from translators.hosts import matches
from translators.model.codes import diagnose
from translators.model.origin import Origin
from translators.model.sidecar import Sidecar
from translators.model.virtual_service import VirtualService
from translators.sidecars import selector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic


def sidecar_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about Sidecars."""
    first: dict[tuple[str, tuple[tuple[str, str], ...]], Sidecar] = {}
    for sidecar in sorted(mesh.world.each(Sidecar), key=lambda s: s.age_order):
        namespace, labels = sidecar.metadata.namespace, selector(sidecar)
        older = first.setdefault((namespace, tuple(sorted(labels.items()))), sidecar)
        if older is not sidecar:
            which = "has the same selector" if labels else "is for the whole namespace too"
            yield diagnose(
                "PF1053",
                f"{older.key} {which} and is older, so this one has no effect",
                Origin(sidecar.key, "spec.workloadSelector" if labels else "spec"),
                hint="put both into one, or select other workloads",
            )
        if namespace == mesh.world.root_namespace and labels:
            yield diagnose(
                "PF1055",
                f"a Sidecar with a selector is for workloads of its own namespace, {namespace}, even in the root one",
                Origin(sidecar.key, "spec.workloadSelector"),
                hint="remove the selector to set the default of all namespaces, or move it to the workloads' namespace",
            )
        yield from _vain_hosts(mesh, sidecar)


def _vain_hosts(mesh: Mesh, sidecar: Sidecar) -> Iterator[Diagnostic]:
    """Report hosts without a wildcard that no service and no VirtualService has where they are looked for."""
    for i, listener in enumerate(sidecar.spec.egress):
        for j, entry in enumerate(listener.hosts):
            where, _, host = entry.rpartition("/")
            where = where.removeprefix("~")
            if host.startswith("*") or not where:
                continue
            wanted = sidecar.metadata.namespace if where == "." else where
            if wanted == mesh.world.root_namespace and where == ".":
                wanted = "*"  # the mesh's default: each proxy's own namespace
            services = [*mesh.services.hidden(host.lower())]
            services += [s for w in mesh.services.wildcard_hosts if matches(w, host) for s in mesh.services.hidden(w)]
            if any(wanted in {"*", s.namespace} for s in services) or _routed(mesh, wanted, host):
                continue
            yield diagnose(
                "PF1054",
                f"no service and no VirtualService of {'any namespace' if wanted == '*' else f'namespace {wanted}'} "
                f"has the host {host}",
                Origin(sidecar.key, f"spec.egress[{i}].hosts[{j}]"),
                hint=_hint(mesh, host, [s.namespace for s in services]),
            )


def _routed(mesh: Mesh, namespace: str, host: str) -> bool:
    return any(
        namespace in {"*", vs.metadata.namespace}
        and any(matches(mesh.services.resolve(h, vs.metadata.namespace), host) for h in vs.spec.hosts)
        for vs in mesh.world.each(VirtualService)
        if on_mesh(vs)
    )


def _hint(mesh: Mesh, host: str, elsewhere: list[str]) -> str:
    if elsewhere:
        return f"it is a host of namespace {elsewhere[0]}: write {elsewhere[0]}/{host}"
    close = get_close_matches(host, list(mesh.services.hostnames), n=1, cutoff=0.7)
    return f"did you mean {close[0]}?" if close else "hosts are written in full, such as web.default.svc.cluster.local"
