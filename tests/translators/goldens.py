"""Golden cases: `testdata/<room>/<case>.in.yaml` is translated and compared with `<case>.out.yaml` beside it.

A case is found by its file. `pytest --update-goldens` writes the outputs, and deletes those without an input.

The input is a list of YAML documents: objects, whose apiVersion may be left out, and at most one document of settings,
the first, without a `kind`:

    proxy: {type: router, namespace: istio-system, labels: {istio: ingressgateway}}     # fields of ProxyView
    # (locality as region/zone/subzone)
    mesh: {accessLogFile: /dev/stdout}      # keys of Istio's MeshConfig
    show: [listeners, routes, secrets]      # which resources the output has; `chains` are listeners without the parts
                                            # of their HTTP connection managers that are the same everywhere
    full: true                              # print default parts too, and not `(default)` in their place
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from google.protobuf.json_format import MessageToDict

from tests.translators.second_decoder import first_decoder
from translators.model.decode import decode, decode_mesh_config
from translators.model.kinds import KINDS, api_versions
from translators.model.proxy import ProxyView
from translators.model.world import World
from translators.services.workload import locality_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from translators.model.origin import Diagnostic
    from translators.resources import Resource

TESTDATA: Final = Path(__file__).parent / "testdata"
API_VERSIONS: Final = {kind.KIND: api_versions(kind)[0] for kind in KINDS.values()}

STRUCTS: Final = frozenset({"filter_metadata", "json_format", "typed_per_filter_config"})
"""Fields below which there are maps."""

_PREDICATE: Final = "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
DEFAULTS: Final[dict[str, Any]] = {
    "retry_policy": {
        "retry_on": "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
        "num_retries": 2,
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": _PREDICATE}}
        ],
        "host_selection_retry_max_attempts": "5",
    },
    "sds_config": {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What an input says."""

    world: World
    view: ProxyView
    show: tuple[str, ...]
    full: bool


def inputs(room: str) -> list[Path]:
    """Return the inputs of a room, sorted."""
    return sorted((TESTDATA / room).glob("*.in.yaml"))


def orphans(room: str) -> list[Path]:
    """Return the outputs that have no input."""
    return [o for o in sorted((TESTDATA / room).glob("*.out.yaml")) if not _input_of(o).exists()]


def _input_of(output: Path) -> Path:
    return output.with_name(output.name.replace(".out.yaml", ".in.yaml"))


def output_of(path: Path) -> Path:
    """Return where the output of an input is."""
    return path.with_name(path.name.replace(".in.yaml", ".out.yaml"))


def read(path: Path, show: tuple[str, ...] = ("routes",)) -> Case:
    """Read an input. Objects that do not decode without an error are a mistake in the test."""
    documents = [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]
    settings = documents.pop(0) if "kind" not in documents[0] else {}
    found = {}
    for tree in documents:
        decoded = decode({"apiVersion": API_VERSIONS[tree["kind"]], **tree})
        assert not [d for d in decoded.diagnostics if d.severity == "error"]
        assert decoded.object is not None
        assert decoded.key is not None
        assert decoded.key not in found
        found[decoded.key] = decoded.object
    mesh, problems = decode_mesh_config(settings.get("mesh", {}))
    assert mesh is not None, problems
    return Case(
        world=World(mesh=mesh).apply(found),
        view=_view(**settings.get("proxy", {})),
        show=tuple(settings.get("show", show)),
        full=settings.get("full", False),
    )


def _view(
    type: Any = "router",  # noqa: A002 - as ProxyView has it
    namespace: str = "istio-system",
    labels: dict[str, str] | None = None,
    unprivileged_pod: bool = False,  # noqa: FBT002 - as ProxyView has it
    **fields: Any,
) -> ProxyView:
    labels = {"istio": "ingressgateway"} if labels is None else labels
    fields["locality"] = locality_of(fields.get("locality", ""))
    fields["metadata"] = tuple(sorted(fields.get("metadata", {}).items()))
    if type == "sidecar":
        fields.setdefault("dns_domain", f"{namespace}.svc.cluster.local")
    return ProxyView(
        type=type,
        namespace=namespace,
        labels=tuple(sorted(labels.items())),
        unprivileged_pod=unprivileged_pod,
        **fields,
    )


def resource_tree(resource: Resource, *, full: bool = True) -> Any:
    """Return a resource as Envoy's config_dump prints it: proto3 JSON, snake_case, Any inline.

    Unless `full`, parts that stand in nearly every resource are `(default)`; the case `default-route` shows them.
    """
    message = first_decoder(resource.type_url, resource.body)
    tree = _ordered(json.loads(json.dumps(MessageToDict(message, preserving_proto_field_name=True))))
    return tree if full else _shortened(tree)


def chains_tree(listener: Resource) -> Any:
    """Return a listener with less of its HTTP connection managers, and of where its Secrets come from."""
    tree = resource_tree(listener, full=False)
    for chain in tree["filter_chains"]:
        for filter_ in chain["filters"]:
            config = filter_["typed_config"]
            if "http_filters" in config:
                kept = ("stat_prefix", "codec_type", "http_protocol_options", "http3_protocol_options", "access_log")
                shown = {name: config[name] for name in kept if name in config}
                filter_["typed_config"] = {**shown, "route_config_name": config["rds"]["route_config_name"]}
    return tree


def _shortened(tree: Any) -> Any:
    if isinstance(tree, list):
        return [_shortened(item) for item in tree]
    if not isinstance(tree, dict):
        return tree
    return {name: "(default)" if DEFAULTS.get(name) == tree[name] else _shortened(tree[name]) for name in tree}


def _ordered(tree: Any, *, below_map: bool = False) -> Any:
    """Sort the keys of maps, which protobuf gives in any order; those of messages stay in the order of their fields."""
    if isinstance(tree, list):
        return [_ordered(item, below_map=below_map) for item in tree]
    if not isinstance(tree, dict):
        return tree
    names = sorted(tree) if below_map else tree
    return {name: _ordered(tree[name], below_map=below_map or name in STRUCTS) for name in names}


def diagnostic_lines(diagnostics: Iterable[Diagnostic]) -> list[str]:
    """Return a line for each diagnostic, in their order."""
    return [f"{d.code} {d.severity} {d.origin}: {d.message}" for d in diagnostics]


def text(tree: dict[str, Any]) -> str:
    """Print an output."""
    return yaml.safe_dump(tree, sort_keys=False, width=160, allow_unicode=True)


def compare(path: Path, produced: str, *, update: bool) -> None:
    """Compare with the golden output, or write it."""
    output = output_of(path)
    if update:
        output.write_text(produced, encoding="utf-8")
    assert produced == output.read_text(encoding="utf-8")
