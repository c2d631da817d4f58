"""`python -m xds_server` is `pilotfish`, for whoever has the package but not the console script on the path."""

from __future__ import annotations

from xds_server.cli.main import main

if __name__ == "__main__":
    main(prog_name="pilotfish")
