"""What a NACK's message names. The rest of the ledger is shown by the rules, on whole streams."""

from __future__ import annotations

import pytest

from xds_server.protocol.trials import names

ENVOY = "Error adding/updating cluster(s) outbound|80||a.b.svc.cluster.local: bad, outbound|8080||c: bad. Not x."


@pytest.mark.parametrize(
    ("text", "name", "expected"),
    [
        (ENVOY, "outbound|80||a.b.svc.cluster.local", True),
        (ENVOY, "outbound|80||a.b", False),
        (ENVOY, "outbound|8080||c", True),
        (ENVOY, "80||c", False),
        (ENVOY, "x", True),
        (ENVOY, "", False),
        ("listener 0.0.0.0_8080 failed", "0.0.0.0_80", False),
        ("listener 0.0.0.0_8080 failed, 0.0.0.0_80", "0.0.0.0_80", True),
        ("[resource index 0: C1: field:x]", "C1", True),
        ("ab a", "a", True),
        ("ends with a.", "a", True),
        ("a.b", "a", False),
    ],
)
def test_mentions(text: str, name: str, expected: bool) -> None:
    assert names(text, name) is expected
