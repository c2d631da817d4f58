"""What code generation makes, and what makes it: typing stubs for the Envoy API (`stubs/`), by `generate.py`."""
