"""What an Envoy holds, and what it should hold: both by kind and name, in a form that can be compared.

Three witnesses: Envoy's `config_dump`, the server's API, and a translation from scratch of the files in this process.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from translators.model.proxy import view_of
from translators.resources import CLUSTER, ENDPOINT, LISTENER, ROUTE
from translators.translate import Translator
from xds_server.offline import load
from xds_server.printing import to_json

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.envoy.harness.envoy_process import EnvoyProcess
    from tests.envoy.harness.pilotfish import Pilotfish
    from translators.model.proxy import Proxy

KINDS = {"clusters": CLUSTER, "endpoints": ENDPOINT, "listeners": LISTENER, "routes": ROUTE}

Resources = dict[str, dict[str, Any]]
"""Kind (a key of KINDS) to name to content. Of endpoints, only what Envoy keeps of them: see `endpoints`."""


def held(envoy: EnvoyProcess) -> Resources:
    """Return what Envoy's config_dump holds, active or, for listeners, active beside whatever else."""
    listeners = envoy.config_dump("dynamic_listeners", eds=False)
    return {
        "clusters": _named(one["cluster"] for one in envoy.config_dump("dynamic_active_clusters", eds=False)),
        "endpoints": endpoints(one["endpoint_config"] for one in envoy.config_dump("dynamic_endpoint_configs")),
        "listeners": _named(one["active_state"]["listener"] for one in listeners if "active_state" in one),
        "routes": _named(one["route_config"] for one in envoy.config_dump("dynamic_route_configs", eds=False)),
    }


def served(pilotfish: Pilotfish, proxy: Proxy) -> Resources:
    """Return what the server means a connected proxy to have."""
    path = f"proxies/{quote(proxy.id, safe='')}"
    return by_name({kind: pilotfish.api(f"{path}/{kind}") for kind in KINDS})


def translated(folder: Path, proxy: Proxy, *, mesh_config: Path | None = None) -> Resources:
    """Return what the files in a folder mean for a proxy, translated from scratch."""
    world = load([folder], mesh_config=mesh_config).world
    translator = Translator()
    found = translator.translate(world, view_of(proxy, translator.selector_keys(world)))
    return by_name({kind: [to_json(r) for r in found[url].resources.values()] for kind, url in KINDS.items()})


def differences(actual: Resources, expected: Resources, *, draining: bool = False) -> list[str]:
    """Say what differs, by kind and name; nothing if it is all the same.

    Envoy also lists the endpoints of clusters that have no EDS, and keeps the routes of a listener while that is
    `draining`: neither counts.
    """
    said = []
    for kind, wanted in expected.items():
        found = actual[kind]
        said += [f"{kind}: {name} is missing" for name in wanted.keys() - found.keys()]
        if kind != "endpoints" and not (draining and kind == "routes"):
            said += [f"{kind}: {name} is there still" for name in found.keys() - wanted.keys()]
        said += [
            f"{kind}: {name} differs: {found[name]}, not {wanted[name]}"
            for name in wanted.keys() & found.keys()
            if found[name] != wanted[name]
        ]
    return sorted(said)


def endpoints(assignments: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Reduce assignments to what has to be the same, by cluster: Envoy builds its own messages of endpoints."""
    return {
        assignment["cluster_name"]: sorted(
            (
                json.dumps(one["endpoint"]["address"]["socket_address"]),
                str(one.get("load_balancing_weight", 1)),
                str(group.get("priority", 0)),
                one.get("health_status", "HEALTHY"),
                json.dumps(one.get("metadata", {}), sort_keys=True),
                json.dumps(group.get("locality", {}), sort_keys=True),
            )
            for group in assignment.get("endpoints", [])
            for one in group["lb_endpoints"]
        )
        for assignment in assignments
    }


def by_name(printed: dict[str, list[dict[str, Any]]]) -> Resources:
    """Bring lists of printed resources, by kind, into the form that is compared."""
    return {kind: endpoints(found) if kind == "endpoints" else _named(found) for kind, found in printed.items()}


def _named(printed: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Leave out the outermost @type: Envoy prints it, for it keeps each resource in an Any."""
    return {one["name"]: {key: value for key, value in one.items() if key != "@type"} for one in printed}
