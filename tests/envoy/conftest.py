"""Fixtures of the real-Envoy tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.envoy.harness import Mesh
from tests.require import require

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session", autouse=True)
def envoy_is_here() -> None:
    require("envoy")


@pytest.fixture(scope="session", params=["delta", "sotw"])
def shared_mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """One mesh for each ADS variant, for the whole session."""
    mesh = Mesh(tmp_path_factory.mktemp(f"mesh-{request.param}"), delta=request.param == "delta")
    yield mesh
    mesh.close()


@pytest.fixture
def mesh(shared_mesh: Mesh) -> Mesh:
    """The mesh in its first state."""
    shared_mesh.reset()
    return shared_mesh
