"""The clusters of AUTO_PASSTHROUGH: those of the services under another name, and without TLS."""

from __future__ import annotations

from typing import Any

from tests.translators import goldens
from translators.model.kubernetes import EndpointSlice, SliceEndpoint, SlicePort
from translators.model.meta import ObjectMeta
from translators.model.world import SERVICE_NAME_LABEL
from translators.resources import CLUSTER, ENDPOINT
from translators.translate import Translator

NAME = "outbound_.5432_._.db.default.svc.cluster.local"


def endpoint_slice(address: str) -> EndpointSlice:
    return EndpointSlice(
        metadata=ObjectMeta(name="db-a", namespace="default", labels={SERVICE_NAME_LABEL: "db"}),
        endpoints=(SliceEndpoint(addresses=(address,)),),
        ports=(SlicePort(name="tcp", port=5432),),
    )


def test_clusters_and_endpoints_have_the_name_of_the_handshake() -> None:
    case = goldens.read(goldens.TESTDATA / "gateways" / "tls-auto-passthrough.in.yaml")
    translator = Translator()
    one, two = endpoint_slice("10.0.0.1"), endpoint_slice("10.0.0.2")
    before = translator.translate(case.world.apply({one.key: one}), case.view)
    cluster: Any = goldens.resource_tree(before[CLUSTER].resources[NAME])
    assert (cluster["name"], cluster["alt_stat_name"]) == (NAME, f"{NAME};")
    assert cluster["eds_cluster_config"]["service_name"] == NAME
    assert "transport_socket" not in cluster
    assert sorted(before[CLUSTER].resources) == sorted(before[ENDPOINT].resources)
    world = case.world.apply({one.key: one}).apply({two.key: two})
    after = translator.translate(world, case.view, before)  # by the way of endpoints alone
    assert after[ENDPOINT].resources[NAME].version != before[ENDPOINT].resources[NAME].version
    fresh = Translator().translate(world, case.view)
    assert {n: r.body for n, r in fresh[ENDPOINT].resources.items()} == {
        n: r.body for n, r in after[ENDPOINT].resources.items()
    }
    assignment: Any = goldens.resource_tree(after[ENDPOINT].resources[NAME])
    assert assignment["cluster_name"] == NAME
    assert "10.0.0.2" in str(assignment)
