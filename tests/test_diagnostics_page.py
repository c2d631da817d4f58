"""`docs/diagnostics/README.md` lists every code; it is made from CODES and must say what they say."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Final

from translators.model.codes import CODES

PAGE: Final = Path(__file__).parent.parent / "docs" / "diagnostics" / "README.md"
HEAD: Final = """\
# Diagnostics

What Pilotfish says about your objects, by code. A code never changes its meaning. `pilotfish analyze PATH…` says all of
this about files before anything is served; a server says it in its log and at `/api/v1/diagnostics`.

| severity | what it means |
|---|---|
| error | The object, or the part that is named, does not take effect. A server keeps serving its last good version. |
| warning | It takes effect, and is probably not what you want. |
| info | Good to know. |

This page is made from `translators/model/codes.py`: `pytest tests/test_diagnostics_page.py --update-goldens`.
"""
AREAS: Final = {
    "PF01": "Files and YAML",
    "PF02": "Decoding, and rules for every kind",
    "PF03": "Gateway",
    "PF04": "VirtualService",
    "PF05": "DestinationRule",
    "PF06": "Services and endpoints",
    "PF07": "References between objects",
    "PF08": "What Envoy said",
    "PF09": "Sources and serving",
    "PF10": "Sidecar",
    "PF11": "EnvoyFilter",
    "PF12": "ProxyConfig",
    "PF13": "Extensions",
}


def page() -> str:
    """Return the page as it should be."""
    parts = [HEAD]
    for area, codes in groupby(sorted(CODES), key=lambda code: code[:4]):
        parts.append(f"\n## {AREAS[area]}\n\n| code | severity | title |\n|---|---|---|\n")
        for code in codes:
            severity, title = CODES[code]
            parts.append(f"| {code} | {severity} | {title[0].upper()}{title[1:].replace('|', '&#124;')} |\n")
    return "".join(parts)


def test_the_page_lists_every_code(update_goldens: bool) -> None:
    if update_goldens:
        PAGE.parent.mkdir(parents=True, exist_ok=True)
        PAGE.write_text(page(), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(), "run this test with --update-goldens"
