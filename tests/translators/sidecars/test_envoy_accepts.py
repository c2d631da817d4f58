"""A real Envoy reads everything in the golden cases, strictly: an unknown field or a broken rule would fail it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.require import require
from tests.translators import goldens
from tests.translators.gateways.test_envoy_accepts import bootstrap, validate
from tests.translators.sidecars.shown import resources, translated
from translators.resources import CLUSTER, LISTENER, ROUTE

if TYPE_CHECKING:
    from pathlib import Path


def inlined(tree: Any, routes: dict[str, Any]) -> Any:
    """Put the route configurations of a listener into it, so that they are read too."""
    chains = [
        *tree.get("filter_chains", []),
        *([tree["default_filter_chain"]] if "default_filter_chain" in tree else []),
    ]
    for chain in chains:
        for one in chain["filters"]:
            config = one["typed_config"]
            if "rds" in config:
                config["route_config"] = routes[config.pop("rds")["route_config_name"]]
    return tree


def everything() -> tuple[list[Any], list[Any]]:
    """Return the listeners and clusters of all cases, each once, with names and ports of their own."""
    listeners: dict[tuple[str, bytes], Any] = {}
    clusters: dict[tuple[str, bytes], Any] = {}
    for path in goldens.inputs("sidecars"):
        made = translated(goldens.read(path))
        routes = {r.name: goldens.resource_tree(r) for r in resources(made, ROUTE)}
        for listener in resources(made, LISTENER):
            key = (
                listener.name,
                listener.body + b"".join(made[ROUTE].resources[n].body for t, n in listener.refs if t == ROUTE),
            )
            if key not in listeners:
                tree = inlined(goldens.resource_tree(listener), routes)
                tree["name"] = f"{path.name}/{tree['name']}"
                if "pipe" in tree["address"]:
                    tree["address"]["pipe"]["path"] = f"@{path.name}"
                else:
                    tree["address"]["socket_address"]["port_value"] = 10_000 + len(listeners)
                listeners[key] = tree
        for cluster in resources(made, CLUSTER):
            tree = goldens.resource_tree(cluster)
            tree["name"] = f"{path.name}/{tree['name']}"
            clusters.setdefault((cluster.name, cluster.body), tree)
    return list(listeners.values()), list(clusters.values())


def test_envoy_accepts_every_listener_route_configuration_and_cluster(tmp_path: Path) -> None:
    require("envoy")
    listeners, clusters = everything()
    assert len(listeners) > 80
    assert len(clusters) > 50
    tree = bootstrap(listeners)
    tree["static_resources"]["clusters"] += clusters
    assert validate(tree, tmp_path) == (0, "")


def test_envoy_would_complain(tmp_path: Path) -> None:
    """The test above can fail: two filter chains with one match are refused."""
    require("envoy")
    listeners, _ = everything()
    listener = next(one for one in listeners if one["name"].endswith("/virtualInbound"))
    listener["filter_chains"].append(listener["filter_chains"][0])
    status, message = validate(bootstrap([listener]), tmp_path)
    assert (status, "same matching rules" in message) == (1, True), message
