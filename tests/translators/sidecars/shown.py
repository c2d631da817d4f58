"""Runs the translation of sidecars for tests, and prints listeners so that a person sees what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.translators import goldens
from translators.model.proxy import ProxyView
from translators.model.world import World
from translators.resources import CLUSTER, LISTENER, ROUTE
from translators.translate import Translator

if TYPE_CHECKING:
    from translators.resources import Resource
    from translators.translate import Translation


def translated(case: goldens.Case) -> Translation:
    """Translate a golden case."""
    return Translator().translate(case.world, case.view)


def resources(made: Translation, type_url: str) -> list[Resource]:
    """Return the resources of a type, sorted by name."""
    return [made[type_url].resources[name] for name in sorted(made[type_url].resources)]


def shown(made: Translation, case: goldens.Case) -> dict[str, Any]:
    """Return what the golden output holds: `listeners` and `routes` in brief (whole if the case is `full`)."""
    kinds = {"listeners": LISTENER, "routes": ROUTE, "clusters": CLUSTER}
    brief = {"listeners": listener_in_brief, "routes": routes_in_brief, "clusters": _same}
    found: dict[str, Any] = {}
    for kind in case.show:
        trees = [goldens.resource_tree(r, full=case.full) for r in resources(made, kinds[kind])]
        found[kind] = trees if case.full else [brief[kind](tree) for tree in trees]
    if not case.full and set(case.world.objects) - {"Namespace"}:
        always = _always()
        found["listeners"] = [f"{o['name']} (as always)" if o in always else o for o in found.get("listeners", [])]
    if "clusters" not in case.show:
        found["clusters"] = sorted(made[CLUSTER].resources)
    return found | {"diagnostics": goldens.diagnostic_lines(made.diagnostics)}


def _same(tree: Any) -> Any:
    return tree


def _always() -> list[Any]:
    """Return the two listeners that every sidecar has in an empty mesh: other cases do not repeat them."""
    made = Translator().translate(World(), ProxyView(type="sidecar", namespace="default"))
    return [listener_in_brief(goldens.resource_tree(r)) for r in resources(made, LISTENER)]


def listener_in_brief(tree: Any) -> Any:
    """Return what tells a listener from others: where it is, what it looks at, and where each chain leads to."""
    socket = tree["address"].get("socket_address")
    found = {
        "name": tree["name"],
        "at": f"{socket['address']}:{socket['port_value']}" if socket else tree["address"]["pipe"]["path"],
    }
    if tree.get("bind_to_port") is False:
        found["bound"] = False
    filters = [one["name"].rpartition(".")[2] for one in tree.get("listener_filters", [])]
    if filters:
        found["inspectors"] = ", ".join(filters)
    for one in tree.get("listener_filters", []):
        if "filter_disabled" in one:
            rules = one["filter_disabled"].get("or_match", {"rules": [one["filter_disabled"]]})["rules"]
            found["not inspected"] = ", ".join(str(rule["destination_port_range"]["start"]) for rule in rules)
    found["chains"] = [_chain(chain) for chain in tree.get("filter_chains", [])]
    if "default_filter_chain" in tree:
        found["else"] = _chain(tree["default_filter_chain"])
    return found


def _chain(tree: Any) -> Any:
    found = {"name": tree["name"]} if "name" in tree else {}
    if "filter_chain_match" in tree:
        found["match"] = _match(tree["filter_chain_match"])
    config = tree["filters"][-1]["typed_config"]
    if "rds" in config:
        found["routes"] = config["rds"]["route_config_name"]
    elif "route_config" in config:
        hosts = config["route_config"]["virtual_hosts"]
        found["inline routes"] = {host["name"]: host["routes"][0]["route"]["cluster"] for host in hosts}
    elif "weighted_clusters" in config:
        found["tcp"] = {c["name"]: c["weight"] for c in config["weighted_clusters"]["clusters"]}
    else:
        found["tcp"] = config["cluster"]
    if "idle_timeout" in config:
        found["idle_timeout"] = config["idle_timeout"]
    return found


def _match(tree: Any) -> Any:
    found = dict(tree)
    if "prefix_ranges" in found:
        found["prefix_ranges"] = [f"{p['address_prefix']}/{p['prefix_len']}" for p in found["prefix_ranges"]]
    return " ".join(f"{k}={','.join(v) if isinstance(v, list) else v}" for k, v in found.items())


def routes_in_brief(tree: Any) -> Any:
    """Return the domains of each virtual host, and where its routes lead to."""
    return {"name": tree["name"], "hosts": [_host(host) for host in tree["virtual_hosts"]]}


def _host(tree: Any) -> Any:
    return {
        "name": tree["name"],
        "domains": ", ".join(tree["domains"]),
        "routes": [_route(route) for route in tree.get("routes", [])],
    }


def _route(tree: Any) -> str:
    match = " ".join(f"{k}={v}" for k, v in tree["match"].items() if k != "case_sensitive")
    if "route" in tree:
        action = tree["route"]
        to = action.get("cluster") or " ".join(
            f"{c['name']}*{c['weight']}" for c in action["weighted_clusters"]["clusters"]
        )
        extra = "".join(f" {k}" for k in ("hash_policy",) if k in action)
        return f"{match} -> {to}{extra}"
    return f"{match} -> {tree['direct_response']['status']}"
