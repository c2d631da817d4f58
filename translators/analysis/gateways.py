"""Gateways that select nothing, and VirtualServices that name Gateways which do not exist."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from translators.analysis.mesh import MESH, on_mesh
from translators.analysis.proxies import selected_pods, services_before
from translators.analysis.selectors import as_text
from translators.hosts import gateway_reference
from translators.model.codes import diagnose
from translators.model.gateway import Gateway
from translators.model.kubernetes import Pod
from translators.model.origin import Origin
from translators.model.virtual_service import VirtualService

if TYPE_CHECKING:
    from collections.abc import Iterator

    from translators.analysis.mesh import Mesh
    from translators.model.origin import Diagnostic


def gateway_remarks(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield what there is to say about Gateways and references to them."""
    yield from _selecting_nothing(mesh)
    yield from _delegates_of_nobody(mesh)
    for virtual_service in mesh.world.each(VirtualService):
        spec = virtual_service.spec
        references = [(f"spec.gateways[{i}]", gateway) for i, gateway in enumerate(spec.gateways)]
        for r, http in enumerate(spec.http):
            for m, match in enumerate(http.match):
                references += [(f"spec.http[{r}].match[{m}].gateways[{i}]", g) for i, g in enumerate(match.gateways)]
        for path, gateway in references:
            name = gateway_reference(gateway, virtual_service.metadata.namespace)
            if gateway != MESH and name not in mesh.gateways:
                yield diagnose(
                    "PF0720",
                    f'there is no Gateway {name} ("{gateway}")',
                    Origin(virtual_service.key, path),
                    hint=_nearest(name, mesh),
                )
        if spec.hosts and on_mesh(virtual_service) and len(spec.gateways) <= 1:
            yield diagnose(
                "PF0729",
                "this VirtualService is for sidecars only: no gateway has its routes",
                Origin(virtual_service.key, "spec.gateways" if spec.gateways else "spec"),
                hint="name a Gateway in spec.gateways to route requests that come in through it",
            )


def _delegates_of_nobody(mesh: Mesh) -> Iterator[Diagnostic]:
    """Yield a remark for each VirtualService without hosts that no other one names."""
    named = {
        (http.delegate.namespace or v.metadata.namespace, http.delegate.name)
        for v in mesh.world.each(VirtualService)
        for http in v.spec.http
        if http.delegate is not None
    }
    for v in mesh.world.each(VirtualService):
        if not v.spec.hosts and (v.metadata.namespace, v.metadata.name) not in named:
            yield diagnose(
                "PF0713",
                "this VirtualService has no hosts, and no HTTP route of another one delegates to it",
                Origin(v.key, "spec.hosts"),
                hint=f"add hosts, or delegate: {{name: {v.metadata.name}}} to a route of another VirtualService",
            )


def _nearest(name: str, mesh: Mesh) -> str:
    own = name.rpartition("/")[2]
    elsewhere = [known for known in sorted(mesh.gateways) if known.endswith(f"/{own}")]
    close = elsewhere or get_close_matches(name, sorted(mesh.gateways), n=1)
    if close:
        return f'did you mean "{close[0]}"?'
    known = ", ".join(sorted(mesh.gateways)[:5])
    return f"the Gateways are: {known}" if known else "add a Gateway"


def _selecting_nothing(mesh: Mesh) -> Iterator[Diagnostic]:
    """Only where workloads are known at all: files for docker-compose hold no pods."""
    if not mesh.world.kind(Pod):
        return
    for gateway in mesh.world.each(Gateway):
        selector = gateway.spec.selector
        if not selector or any(selected_pods(mesh.world, selector)) or any(services_before(mesh.world, selector)):
            continue
        yield diagnose(
            "PF0721",
            f"no known pod or Service has the labels {as_text(selector)}",
            Origin(gateway.key, "spec.selector"),
            hint="write the labels of your gateway's pods, such as istio: ingressgateway",
        )
