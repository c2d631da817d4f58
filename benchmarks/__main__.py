"""`python -m benchmarks [NAME…]`: run all benchmarks, or those named; exit 1 if one is over 1.5 times its target."""

from __future__ import annotations

import importlib
import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from benchmarks.harness import Result

ALL: Final = ("cold_translation", "endpoint_change", "fanout")


def main(arguments: list[str]) -> int:
    """Print a line a benchmark, then all of them as one JSON line."""
    results: list[Result] = []
    for name in arguments or ALL:
        for result in importlib.import_module(f"benchmarks.{name}").run():
            results.append(result)
            print(
                f"{result.name:<52} {result.subject:10.3f} {result.unit:<3} floor {result.floor:10.3f}"
                f"  ratio {result.ratio:5.2f}  target {result.target:.1f}  {result.verdict}",
                flush=True,
            )
    print(json.dumps({r.name: round(r.ratio, 3) for r in results}))
    return 1 if any(r.verdict == "FAIL" for r in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
