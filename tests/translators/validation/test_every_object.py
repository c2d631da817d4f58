"""What holds for every object: metadata, text, how much is said, the mission's YAML, and that nothing is forgotten."""

from __future__ import annotations

import re
from pathlib import Path
from time import process_time
from typing import Final

import msgspec
import pytest
import yaml
from hypothesis import given, settings

from tests.translators.validation.any_object import objects
from tests.translators.validation.cases import load, said
from translators import validation
from translators.model.codes import CODES
from translators.model.common import StringMatch
from translators.model.decode import decode
from translators.model.gateway import Gateway
from translators.model.kinds import KINDS
from translators.model.kubernetes import Secret
from translators.model.meta import KubeObject, ObjectMeta
from translators.model.origin import Severity
from translators.model.virtual_service import HTTPMatchRequest, HTTPRoute, VirtualService, VirtualServiceSpec
from translators.validation import validate

HERE: Final = Path(__file__).parent
SEED: Final = HERE / "seed"


@pytest.mark.parametrize(
    ("meta", "expected"),
    [
        (ObjectMeta(name="a.b-c", namespace="ns"), ()),
        (ObjectMeta(name="", namespace="ns"), ("PF0280 metadata.name",)),
        (ObjectMeta(name="A", namespace="ns"), ("PF0280 metadata.name",)),
        (ObjectMeta(name="a" * 254, namespace="ns"), ("PF0280 metadata.name",)),
        (ObjectMeta(name="a", namespace="n.s"), ("PF0280 metadata.namespace",)),
        (ObjectMeta(name="a", namespace=""), ("PF0280 metadata.namespace",)),
        (ObjectMeta(name="a", namespace="ns", labels={"a": "b c"}), ("PF0281 metadata.labels",)),
        (ObjectMeta(name="a", namespace="ns", labels={"a/b/c": "d"}), ("PF0281 metadata.labels",)),
        (ObjectMeta(name="a", namespace="ns", labels={"a" * 64: "d"}), ("PF0281 metadata.labels",)),
        (
            ObjectMeta(name="a", namespace="ns", annotations={"internal.istio.io/x": ""}),
            ("PF0285 metadata.annotations",),
        ),
        (
            ObjectMeta(name="a", namespace="ns", annotations={"istio.io/dry-run": "true"}),
            ("PF0285 metadata.annotations",),
        ),
        (ObjectMeta(name="a\0b", namespace="ns"), ("PF0280 metadata.name", "PF0286 metadata.name")),
    ],
)
def test_metadata(meta: ObjectMeta, expected: tuple[str, ...]) -> None:
    spec = VirtualServiceSpec(hosts=("a",), http=(load_route("redirect: {uri: /}"),))
    assert said(VirtualService(metadata=meta, spec=spec)) == expected


def load_route(snippet: str) -> HTTPRoute:
    return msgspec.convert(yaml.safe_load(snippet), HTTPRoute)


def test_annotations_of_kubernetes_kinds_are_not_ours_to_judge() -> None:
    service = load(
        "Service",
        "spec: {ports: [{port: 80}]}",
        version="v1",
        metadata="{name: a, annotations: {internal.istio.io/x: y}}",
    )
    assert said(service) == ()


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/a\0", ("PF0286 spec.http[0].match[0].uri.exact",)),
        ("/a\ud800", ("PF0286 spec.http[0].match[0].uri.exact",)),
        ("/a\\u0000", ()),
    ],
)
def test_text_that_cannot_be_sent(uri: str, expected: tuple[str, ...]) -> None:
    route = msgspec.structs.replace(
        load_route("redirect: {uri: /}"), match=(HTTPMatchRequest(uri=StringMatch(exact=uri)),)
    )
    vs = VirtualService(
        metadata=ObjectMeta(name="a", namespace="b"), spec=VirtualServiceSpec(hosts=("a",), http=(route,))
    )
    assert said(vs) == expected


def test_a_nul_byte_in_the_key_of_a_map() -> None:
    gateway = load("Gateway", "spec: {servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*']}]}")
    assert isinstance(gateway, Gateway)
    bad = msgspec.structs.replace(gateway, spec=msgspec.structs.replace(gateway.spec, selector={"a\0": "b"}))
    assert said(bad) == ("PF0286 spec.selector",)


def test_no_value_of_a_secret_is_ever_said() -> None:
    secret = Secret(metadata=ObjectMeta(name="a", namespace="b"), string_data={"key": "hush\0hush"})
    assert validate(secret) == ()


@pytest.mark.parametrize("name", ["gateway.yaml", "virtualservice.yaml", "destinationrule.yaml"])
def test_the_missions_objects_are_valid(name: str) -> None:
    """As they stand: fields of the past give a warning of decoding, and nothing more."""
    for tree in yaml.safe_load_all((SEED / name).read_text()):
        decoded = decode(tree)
        assert decoded.object is not None
        assert {d.code for d in decoded.diagnostics} <= {"PF0207"}
        assert validate(decoded.object) == ()


@pytest.mark.parametrize("name", ["product-v2", "split"])
def test_the_missions_fragments_are_valid(name: str) -> None:
    fragment = yaml.safe_load((SEED / "http-fragments.yaml").read_text())[name]
    decoded = decode(
        {
            "apiVersion": "networking.istio.io/v1alpha3",
            "kind": "VirtualService",
            "metadata": {"name": name},
            "spec": {"hosts": ["*"], "gateways": ["example-gateway"], **fragment},
        }
    )
    assert decoded.object is not None
    assert decoded.diagnostics == ()
    assert validate(decoded.object) == ()


def test_no_object_says_more_than_a_hundred_things() -> None:
    routes = tuple(load_route("{redirect: {scheme: x, redirectCode: 1}}") for _ in range(200))
    vs = VirtualService(
        metadata=ObjectMeta(name="a", namespace="b"), spec=VirtualServiceSpec(hosts=("a",), http=routes)
    )
    found = validate(vs)
    assert len(found) == 101
    assert [d.code for d in found].count("PF0211") == 1
    assert all(d.severity is Severity.ERROR for d in found[:100])


@pytest.mark.parametrize(
    "matches",
    [
        [HTTPMatchRequest(uri=StringMatch(prefix=f"/{'deep/' * 20}{i}")) for i in range(4000)],
        [HTTPMatchRequest(headers={"x": StringMatch(exact=str(i))}) for i in range(4000)],
    ],
    ids=["by path", "by header"],
)
def test_a_big_virtual_service_does_not_hold_anyone_up(matches: list[HTTPMatchRequest]) -> None:
    route = load_route("redirect: {uri: /}")
    routes = tuple(msgspec.structs.replace(route, match=(match,)) for match in matches)
    spec = VirtualServiceSpec(hosts=("a",), http=routes)
    began = process_time()
    found = validate(VirtualService(metadata=ObjectMeta(name="a", namespace="b"), spec=spec))
    assert process_time() - began < 5  # seconds; it is one, and would be minutes if each were compared with each
    assert {d.code for d in found} <= {"PF0470", "PF0211"}


@pytest.mark.parametrize("kind", [KINDS[k] for k in sorted(KINDS)], ids=[kind for _, kind in sorted(KINDS)])
def test_validation_never_raises(kind: type[KubeObject]) -> None:
    @settings(max_examples=150)
    @given(objects(kind))
    def check(obj: KubeObject) -> None:
        found = validate(obj)
        assert found == validate(obj)
        for diagnostic in found:
            assert diagnostic.message.isprintable()
            assert diagnostic.origin is not None

    check()


def test_every_code_of_validation_stands_in_a_table() -> None:
    """A rule without a row could stop working and nobody would know."""
    rows = "".join(p.read_text() for p in HERE.glob("test_*.py"))
    shown = set(re.findall(r"PF\d{4}", rows))
    sources = "".join(p.read_text() for p in Path(validation.__file__).parent.glob("*.py"))
    own = set(re.findall(r"PF\d{4}", sources))
    assert own <= CODES.keys()
    assert own - shown == set()


def test_a_refused_expression_leaves_no_trace_on_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    """RE2 is C++ and would write there past every logger."""
    route = "{match: [{uri: {regex: '/never-seen-before(?='}}], redirect: {uri: /}}"
    assert said(load("VirtualService", f"spec: {{hosts: [a], http: [{route}]}}")) == (
        "PF0421 spec.http[0].match[0].uri.regex",
    )
    assert capfd.readouterr() == ("", "")
