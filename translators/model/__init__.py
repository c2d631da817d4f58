"""Frozen types that every room shares: Kubernetes and Istio kinds, origins, diagnostics, World and ProxyView."""
