"""Envoy routes from VirtualServices: one route per match block, virtual hosts, route configurations."""
