"""Injection: which pods get an Envoy beside them. Pure."""
