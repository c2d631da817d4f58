from __future__ import annotations

import pytest

from tests import require as requirements
from tests.require import CI, demanded, require


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("", frozenset()),
        ("envoy", frozenset({"envoy"})),
        (" envoy , docker,", frozenset({"envoy", "docker"})),
        ("ci", CI),
        ("ci,apiserver", CI | {"apiserver"}),
    ],
)
def test_what_a_setting_demands(setting: str, expected: frozenset[str]) -> None:
    assert demanded(setting) == expected


def test_a_misspelt_demand_is_an_error() -> None:
    with pytest.raises(ValueError, match="no such requirement: envoi"):
        demanded("ci,envoi")


@pytest.fixture
def _no_docker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "missing", lambda name: "no docker command" if name == "docker" else "")


@pytest.mark.usefixtures("_no_docker")
@pytest.mark.parametrize(
    ("setting", "outcome", "message"),
    [
        ("ci", pytest.skip.Exception, "not run, needs docker: no docker command"),
        ("ci,docker", pytest.fail.Exception, "PILOTFISH_REQUIRE demands docker: no docker command"),
    ],
)
def test_a_missing_requirement_skips_or_fails(
    monkeypatch: pytest.MonkeyPatch, setting: str, outcome: type[BaseException], message: str
) -> None:
    monkeypatch.setenv("PILOTFISH_REQUIRE", setting)
    with pytest.raises(outcome) as caught:
        require("envoy", "docker")
    assert str(caught.value) == message
