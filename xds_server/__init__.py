"""Pilotfish's server: sources, store, push, the xDS protocol, its transport, and the command line."""
