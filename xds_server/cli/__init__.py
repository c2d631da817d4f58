"""The `pilotfish` command: one module a verb; `main.py` has the table."""
