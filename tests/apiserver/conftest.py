from __future__ import annotations

from tests.apiserver.fixtures import cluster, emulation, real_cluster

__all__ = ["cluster", "emulation", "real_cluster"]
