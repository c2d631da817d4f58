"""Envoy clusters: what is behind a destination, and how requests are shared among its endpoints."""

from __future__ import annotations

from translators.clusters.build import build_cluster
from translators.clusters.output import ClusterOutput, cluster_resources

__all__ = ["ClusterOutput", "build_cluster", "cluster_resources"]
