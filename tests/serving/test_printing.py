"""Printing: config_dump's form, and nothing secret in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.route.v3 import route_components_pb2
from envoy.extensions.transport_sockets.tls.v3 import common_pb2, secret_pb2, tls_pb2
from google.protobuf import any_pb2

from translators.resources import CLUSTER, SECRET, Resource
from xds_server.printing import message_to_json, to_json

KEY = b"-----BEGIN PRIVATE KEY-----"


def _resource(type_url: str, name: str, message: object) -> Resource:
    return Resource(type_url, name, message.SerializeToString(deterministic=True), ())  # type: ignore[attr-defined]


def _certificate(key: base_pb2.DataSource) -> common_pb2.TlsCertificate:
    return common_pb2.TlsCertificate(
        certificate_chain=base_pb2.DataSource(inline_bytes=b"chain"),
        private_key=key,
        password=base_pb2.DataSource(inline_string="secret"),
    )


def test_prints_snake_case_with_inline_types() -> None:
    context = any_pb2.Any()
    context.Pack(tls_pb2.UpstreamTlsContext(sni="a.example"))
    cluster = cluster_pb2.Cluster(name="a", transport_socket=base_pb2.TransportSocket(name="tls", typed_config=context))
    cluster.connect_timeout.FromMilliseconds(1500)

    assert to_json(_resource(CLUSTER, "a", cluster)) == {
        "@type": CLUSTER,
        "name": "a",
        "connect_timeout": "1.500s",
        "transport_socket": {
            "name": "tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
                "sni": "a.example",
            },
        },
    }


def test_redacts_a_secret() -> None:
    secret = secret_pb2.Secret(
        name="kubernetes://c", tls_certificate=_certificate(base_pb2.DataSource(inline_bytes=KEY))
    )

    assert to_json(_resource(SECRET, "kubernetes://c", secret)) == {
        "@type": SECRET,
        "name": "kubernetes://c",
        "tls_certificate": {
            "certificate_chain": {"inline_bytes": "Y2hhaW4="},
            "private_key": {"inline_string": "[redacted]"},
            "password": {"inline_string": "[redacted]"},
        },
    }


def test_redacts_inside_any_of_any_and_leaves_the_message_alone() -> None:
    inner = any_pb2.Any()
    context = tls_pb2.UpstreamTlsContext()
    context.common_tls_context.tls_certificates.append(_certificate(base_pb2.DataSource(inline_bytes=KEY)))
    inner.Pack(context)
    outer = any_pb2.Any()
    outer.Pack(cluster_pb2.Cluster(transport_socket=base_pb2.TransportSocket(typed_config=inner)))
    before = outer.SerializeToString()

    printed = json.dumps(message_to_json(outer))

    assert "[redacted]" in printed
    assert "LS0tLS1CRUdJTi" not in printed
    assert "secret" not in printed
    assert outer.SerializeToString() == before


def test_keeps_file_names() -> None:
    secret = secret_pb2.Secret(tls_certificate=_certificate(base_pb2.DataSource(filename="/etc/certs/key.pem")))

    printed = message_to_json(secret)

    assert printed["tls_certificate"]["private_key"] == {"filename": "/etc/certs/key.pem"}  # type: ignore[index]


def test_redacts_generic_secrets_and_ticket_keys() -> None:
    generic = secret_pb2.GenericSecret()
    generic.secret.inline_string = "hidden"
    generic.secrets["user"].inline_bytes = b"hidden"
    tickets = common_pb2.TlsSessionTicketKeys(keys=[base_pb2.DataSource(inline_bytes=b"hidden")])

    assert message_to_json(generic) == {
        "secret": {"inline_string": "[redacted]"},
        "secrets": {"user": {"inline_string": "[redacted]"}},
    }
    assert message_to_json(tickets) == {"keys": [{"inline_string": "[redacted]"}]}


def test_withholds_an_any_of_unknown_type() -> None:
    cluster = cluster_pb2.Cluster(name="a")
    cluster.transport_socket.typed_config.type_url = "type.googleapis.com/istio.unknown.Message"
    cluster.transport_socket.typed_config.value = KEY

    assert message_to_json(cluster) == {
        "name": "a",
        "transport_socket": {
            "typed_config": {
                "@type": "type.googleapis.com/google.protobuf.Struct",
                "value": {"unknown_type": "type.googleapis.com/istio.unknown.Message", "value": "[redacted]"},
            }
        },
    }


def test_finds_types_that_nothing_imported() -> None:
    cluster = cluster_pb2.Cluster(name="a")
    url = "type.googleapis.com/envoy.extensions.filters.http.set_metadata.v3.Config"
    cluster.transport_socket.typed_config.type_url = url

    assert message_to_json(cluster)["transport_socket"] == {"typed_config": {"@type": url}}


def test_a_body_of_another_type_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be decoded"):
        to_json(Resource(CLUSTER, "a", b"\xff\xff", ()))


def test_maps_are_sorted_at_every_depth() -> None:
    """In a map of messages, in Structs inside of each other and in lists, and inside an Any."""
    virtual_host = route_components_pb2.VirtualHost(name="v", domains=["*"])
    route = virtual_host.routes.add()
    for name in "gfedcba":
        route.metadata.filter_metadata[name].update({"z": 1, "y": [{"b": 1, "a": 2}], "x": {"d": 1, "c": 2}})
        virtual_host.typed_per_filter_config[name].Pack(route.metadata)
    printed: Any = message_to_json(virtual_host)
    text = json.dumps(printed)
    wanted = {"x": {"c": 2.0, "d": 1.0}, "y": [{"a": 2.0, "b": 1.0}], "z": 1.0}
    metadata = printed["routes"][0]["metadata"]["filter_metadata"]
    assert json.dumps(metadata) == json.dumps(dict.fromkeys("abcdefg", wanted))
    assert list(printed["typed_per_filter_config"]) == list("abcdefg")
    assert text.count(json.dumps(wanted)) == 7 + sum(range(1, 8))  # and in what was packed by then
