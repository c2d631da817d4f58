"""Resources and sets of them: content decides names, versions and what changed."""

from __future__ import annotations

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.service.discovery.v3 import discovery_pb2
from google.protobuf import wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from translators.resources import CLUSTER, Resource, TypeSet, length_delimited


def cluster(name: str, connect_timeout: int = 1) -> Resource:
    message = cluster_pb2.Cluster(name=name)
    message.connect_timeout.seconds = connect_timeout
    return Resource(CLUSTER, name, message.SerializeToString(deterministic=True), ())


def test_sotw_fragments_join_to_a_discovery_response() -> None:
    parts = [cluster("a"), cluster("b", 300)]
    header = discovery_pb2.DiscoveryResponse(version_info="7", nonce="n", type_url=CLUSTER).SerializeToString()
    response = discovery_pb2.DiscoveryResponse.FromString(header + b"".join(p.sotw_fragment for p in parts))
    assert [(r.type_url, r.value) for r in response.resources] == [(CLUSTER, p.body) for p in parts]


def test_delta_fragments_join_to_a_delta_discovery_response() -> None:
    parts = [cluster("a"), cluster("b", 300)]
    response = discovery_pb2.DeltaDiscoveryResponse.FromString(b"".join(p.delta_fragment for p in parts))
    assert [(r.name, r.version, r.resource.type_url, r.resource.value) for r in response.resources] == [
        (p.name, p.version, CLUSTER, p.body) for p in parts
    ]


@given(st.binary(min_size=1, max_size=40_000))
def test_length_delimited_is_protobufs_own_encoding(payload: bytes) -> None:
    assert length_delimited(1, payload) == wrappers_pb2.BytesValue(value=payload).SerializeToString()


def test_a_version_is_the_content_in_any_order_and_any_process() -> None:
    one = TypeSet.of(CLUSTER, [cluster("a"), cluster("b")])
    other = TypeSet.of(CLUSTER, [cluster("b"), cluster("a")])
    assert one.version == other.version
    assert one.version == "5729cc9028f60c8a2282605925c5d099"
    assert cluster("a").version == cluster("a").version != cluster("a", 2).version


def test_an_equal_set_is_the_previous_object() -> None:
    first = TypeSet.of(CLUSTER, [cluster("a")])
    assert TypeSet.of(CLUSTER, [cluster("a")], first) is first
    assert first.replace({"a": cluster("a")}) is first
    assert first.replace({"gone": None}) is first


def test_two_resources_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="two CDS resources are named a"):
        TypeSet.of(CLUSTER, [cluster("a"), cluster("a", 2)])


edits = st.dictionaries(st.sampled_from("abcdef"), st.one_of(st.none(), st.integers(1, 3)), max_size=6)


@given(edits, edits)
def test_replace_and_of_agree_on_content_version_and_changes(
    before: dict[str, int | None], edit: dict[str, int | None]
) -> None:
    held = {name: cluster(name, t) for name, t in before.items() if t}
    old = TypeSet.of(CLUSTER, held.values())
    wanted = {**held, **{name: cluster(name, t) if t else None for name, t in edit.items()}}
    replaced = old.replace({name: wanted[name] for name in edit})
    rebuilt = TypeSet.of(CLUSTER, [r for r in wanted.values() if r], old)
    assert replaced.version == rebuilt.version
    assert {n: r.version for n, r in replaced.resources.items()} == {n: r.version for n, r in rebuilt.resources.items()}
    assert (replaced is old) == (rebuilt is old)
    if rebuilt is not old:
        assert replaced.changed == rebuilt.changed
        assert replaced.parent_version == rebuilt.parent_version == old.version
