"""The definitions of Istio's kinds: they take what validation takes, and refuse what a schema can refuse."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apiserver.cluster import ISTIO
from tests.apiserver.storage import StatusError
from tests.deployment.structural import unstructured, wrong
from tests.translators.validation.any_object import objects
from translators.model.decode import decode, flatten
from translators.model.kinds import ISTIO_KINDS, api_versions
from translators.model.origin import Severity
from translators.validation import validate
from xds_server.deployment.crds import definition, definitions
from xds_server.deployment.limits import LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.apiserver.cluster import Cluster

ROOT: Final = Path(__file__).parents[2]
REFUSED: Final = list(yaml.safe_load_all((Path(__file__).parent / "testdata" / "refused.yaml").read_text()))
SCHEMAS: Final[dict[str, dict[str, Any]]] = {
    one["spec"]["names"]["kind"]: one["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for one in definitions()
}
VERSIONS: Final = {kind.KIND: api_versions(kind)[0] for kind in ISTIO_KINDS}


def errors(tree: dict[str, Any]) -> set[str]:
    """Return the codes of the errors that Pilotfish itself finds."""
    decoded = decode({"apiVersion": VERSIONS[tree["kind"]], **tree})
    found = [*decoded.diagnostics, *(validate(decoded.object) if decoded.object is not None else ())]
    return {diagnostic.code for diagnostic in found if diagnostic.severity is Severity.ERROR}


def refusals(tree: dict[str, Any]) -> list[str]:
    """Return what the schema says about an object."""
    return list(wrong(SCHEMAS[tree["kind"]], {key: tree[key] for key in ("spec", "status") if key in tree}))


@cache
def examples() -> list[tuple[str, dict[str, Any]]]:
    """Return every Istio object of the examples and golden inputs that is without an error."""
    files = [f for top in ("compose", "xds_server", "tests") for f in (ROOT / top).rglob("*.yaml")]
    return [(str(file.relative_to(ROOT)), tree) for file in sorted(files) for tree in _objects(file)]


def _objects(file: Path) -> Iterator[dict[str, Any]]:
    if file.name.endswith((".out.yaml", ".golden.yaml")) or file.name == "refused.yaml":
        return
    try:
        documents = list(yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader))
    except yaml.YAMLError:
        return
    for document in documents:
        for tree, _ in flatten(document):
            ours = isinstance(tree, dict) and tree.get("kind") in SCHEMAS and isinstance(tree.get("metadata"), dict)
            if isinstance(tree, dict) and ours and not errors(tree):
                yield tree


@pytest.mark.parametrize("kind", SCHEMAS)
def test_a_schema_is_structural(kind: str) -> None:
    assert list(unstructured(SCHEMAS[kind])) == []


def test_every_version_that_is_read_is_served_and_the_newest_is_stored() -> None:
    for kind in ISTIO_KINDS:
        found = definition(kind)
        served = [f"{kind.GROUP}/{version['name']}" for version in found["spec"]["versions"] if version["served"]]
        assert tuple(served) == api_versions(kind)
        assert [version["storage"] for version in found["spec"]["versions"]] == [True] + [False] * (len(served) - 1)
        assert all(version["subresources"] == {"status": {}} for version in found["spec"]["versions"])


def test_no_two_kinds_share_a_name() -> None:
    names = [one["spec"]["names"] for one in definitions()]
    said = [name for each in names for name in (each["plural"], each["singular"], *each.get("shortNames", ()))]
    assert len(said) == len(set(said))
    assert {resource.kind: resource.plural for resource in ISTIO} == {each["kind"]: each["plural"] for each in names}


def test_every_example_is_taken() -> None:
    assert len(examples()) > 400
    assert {tree["kind"] for _, tree in examples()} == SCHEMAS.keys()
    assert [(file, tree["metadata"], found) for file, tree in examples() if (found := refusals(tree))] == []


@pytest.mark.parametrize("tree", REFUSED, ids=lambda tree: tree["metadata"]["annotations"]["shows"])
def test_what_is_refused_is_an_error_for_us_too(tree: dict[str, Any]) -> None:
    said = tree["metadata"]["annotations"]
    assert refusals(tree) == said["refused"].split("; ")
    bare = {**tree, "metadata": {"name": tree["metadata"]["name"]}}
    assert said["code"] in errors(bare)


def test_every_limit_has_an_example() -> None:
    """Each limit of a field, each field that is required, and each pair: without it, an example would be taken."""
    said = [tree["metadata"]["annotations"] for tree in REFUSED]
    shown = {one["limit"] for one in said if "limit" in one}
    wanted = {
        f"{kind.__name__} {what}"
        for kind, limit in LIMITS.items()
        for what in (*limit.required, *limit.fields, *("+".join(pair) for pair in limit.apart))
    }
    assert shown == wanted


@settings(max_examples=200)
@given(data=st.data())
def test_nothing_is_refused_that_validation_takes(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(ISTIO_KINDS))
    found = data.draw(objects(kind))
    tree = {"kind": kind.KIND, "metadata": {"name": "x"}, "spec": _said(msgspec.to_builtins(found.spec, enc_hook=str))}  # type: ignore[attr-defined] # each has one
    try:
        if refusals(tree):
            assert errors(tree), refusals(tree)
    except RecursionError:
        pass


def _said(value: object) -> object:
    """Return a tree without nulls, and with lists as lists: what a user would write for it."""
    if isinstance(value, dict):
        return {key: _said(item) for key, item in value.items() if item is not None}
    return [_said(item) for item in value] if isinstance(value, list | tuple) else value


class TestInAnApiServer:
    """The same, where the schema is really used."""

    @pytest.fixture
    def installed(self, real_cluster: Cluster) -> Cluster:
        real_cluster.apply(*definitions())
        return real_cluster

    def test_every_example_is_taken(self, installed: Cluster) -> None:
        for number, (file, tree) in enumerate(examples()):
            path = _path(tree)
            body = {"apiVersion": VERSIONS[tree["kind"]], "kind": tree["kind"], "spec": tree["spec"]}
            body["metadata"] = {"name": f"example-{number}"}
            try:
                installed.request("POST", f"{path}?dryRun=All&fieldValidation=Strict", body)
            except StatusError as error:
                pytest.fail(f"{file}: {error}")

    @pytest.mark.parametrize("tree", REFUSED, ids=lambda tree: tree["metadata"]["annotations"]["shows"])
    def test_what_is_wrong_is_refused(self, installed: Cluster, tree: dict[str, Any]) -> None:
        body = {"apiVersion": VERSIONS[tree["kind"]], **tree}
        with pytest.raises(StatusError) as caught:
            installed.request("POST", f"{_path(tree)}?dryRun=All&fieldValidation=Strict", body)
        assert caught.value.code in {400, 422}


def _path(tree: dict[str, Any]) -> str:
    plural = next(resource.plural for resource in ISTIO if resource.kind == tree["kind"])
    return f"/apis/{VERSIONS[tree['kind']]}/namespaces/default/{plural}"
