"""Random edits under load: none of them costs an RPC. The seed is printed; PILOTFISH_SEED repeats a run."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import eventually
from tests.envoy.harness.shop import new_seed
from tests.proxyless.conftest import ECHO, VERSIONS

if TYPE_CHECKING:
    from tests.proxyless.conftest import GrpcMesh

POLICIES = (
    "",
    "loadBalancer: {consistentHash: {httpHeaderName: x-user}}",
    "connectionPool: {http: {http2MaxRequests: 9}}",
)


def edit(mesh: GrpcMesh, number: int, chance: random.Random) -> None:
    """Change weights, endpoints and policy, all at once. RPCs that ask for the edit by number are answered NOT_FOUND,
    so that one can tell when the client has it. Retries are off: a failed RPC is one.
    """
    versions = chance.sample(VERSIONS, chance.randint(1, len(VERSIONS)))
    to = ", ".join(
        f"{{destination: {{host: echo, subset: {version}}}, weight: {chance.randint(1, 9)}}}" for version in versions
    )
    if chance.random() < 0.2:
        to = "{destination: {host: echo}}"
    mark = f'match: [{{headers: {{x-edit: {{exact: "{number}"}}}}}}]'
    fault = "fault: {abort: {grpcStatus: NOT_FOUND, percentage: {value: 100}}}"
    http = f"[{{{mark}, {fault}, route: [{to}]}}, {{retries: {{attempts: 0}}, route: [{to}]}}]"
    mesh.write(http=http, policy=chance.choice(POLICIES), versions=sorted(versions))


@pytest.mark.parametrize("edits", [20, pytest.param(600, marks=[pytest.mark.soak, pytest.mark.timeout(900)])])
def test_random_edits_under_load_cost_no_rpc(mesh: GrpcMesh, edits: int) -> None:
    chance = random.Random(new_seed())  # noqa: S311 - repeatable, not secret
    mesh.write(http="[{retries: {attempts: 0}, route: [{destination: {host: echo}}]}]")
    mesh.until_only(*VERSIONS)
    mesh.client.do("load", target=ECHO)

    def applied(number: int) -> bool:
        done = mesh.client.do("call", target=ECHO, metadata={"x-edit": str(number)})
        return any(text.startswith("NOT_FOUND") for text in done["failures"])

    try:
        for number in range(edits):
            edit(mesh, number, chance)
            eventually(lambda number=number: applied(number), 10.0, f"the client has edit {number}")  # type: ignore[misc]
    finally:
        seen = mesh.client.do("stop")
    assert seen["failures"] == {}
    assert sum(seen["answers"].values()) > edits
    mesh.client.assert_accepted()
