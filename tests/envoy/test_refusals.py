"""What our validation lets through, a real Envoy takes; what it refuses for Envoy's sake, Envoy refuses.

Envoy's own validation mode is asked: it takes 50 ms and no port.
"""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.require import envoy_binary, require
from translators.model.codes import CODES
from translators.model.meta import ObjectKey
from translators.validation.findings import Findings
from translators.validation.header_format import (
    HEADERS,
    OPTIONAL_PARAMETER,
    PARAMETER,
    PLAIN,
    format_problem,
)
from translators.validation.values import check_regex

if TYPE_CHECKING:
    from pathlib import Path

require("envoy")

HCM: Final = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
ROUTER: Final = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
SAMPLES: Final = {"CEL": "request.path", "COMMON_DURATION": "DS_RX_BEG:DS_RX_END:ms", "METADATA": "ROUTE:a:b"}
"""Parameters for commands that do not take any word; COALESCE takes JSON."""


def ask(folder: Path, route: dict[str, Any], runtime: dict[str, Any] | None = None) -> str:
    """Return why Envoy refuses a route; empty if it takes it."""
    hcm = {
        "@type": HCM,
        "stat_prefix": "x",
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": ROUTER}}],
        "route_config": {"virtual_hosts": [{"name": "v", "domains": ["*"], "routes": [route]}]},
    }
    listener = {
        "name": "l",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "filter_chains": [{"filters": [{"name": "hcm", "typed_config": hcm}]}],
    }
    config: dict[str, Any] = {"static_resources": {"listeners": [listener]}}
    if runtime:
        config["layered_runtime"] = {"layers": [{"name": "static", "static_layer": runtime}]}
    file = folder / "envoy.json"
    file.write_text(json.dumps(config))
    done = subprocess.run(
        [str(envoy_binary()), "--mode", "validate", "-c", str(file), "--disable-hot-restart", "-l", "error"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or "refused"


def header_route(*values: str) -> dict[str, Any]:
    headers = [{"header": {"key": f"x-{i}", "value": value}} for i, value in enumerate(values)]
    return {"match": {"prefix": "/"}, "direct_response": {"status": 200}, "response_headers_to_add": headers}


def regex_route(pattern: str) -> dict[str, Any]:
    return {"match": {"safe_regex": {"regex": pattern}}, "direct_response": {"status": 200}}


def test_envoy_knows_every_command_that_we_let_through(tmp_path: Path) -> None:
    values = [f"%{name}%" for name in sorted(PLAIN)]
    values += [f"%{name}({SAMPLES.get(name, 'x')})%" for name in sorted(PARAMETER - {"COALESCE", "TYPED_CEL"})]
    values += [f"%{name}(x-a?:path):10%" for name in sorted(HEADERS)]
    values += ["100%%", "%START_TIME(%s.%3f)%", "%%%PROTOCOL%%%", "%REQ(x-a)%%RESP(x-b)%"]
    values += ["%DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT(24)%"]
    assert [v for v in values if format_problem(v)] == []
    batches = [values[i : i + 50] for i in range(0, len(values), 50)]
    assert [ask(tmp_path, header_route(*batch)) for batch in batches] == [""] * len(batches)
    assert OPTIONAL_PARAMETER < PLAIN


@pytest.mark.parametrize(
    "value",
    [
        "100%",
        "%",
        "%USER%",
        "%REQ%",
        "%REQ()%",
        "%REQ(a b)%",
        "%REQ(x",
        "%PROTOCOL(x)%",
        "%ENVIRONMENT%",
        "a\nb",
        "%req(x)%",
    ],
)
def test_envoy_refuses_the_header_values_that_we_refuse(value: str, tmp_path: Path) -> None:
    assert format_problem(value)
    assert ask(tmp_path, header_route(value))


@pytest.mark.parametrize(
    "pattern",
    [
        "/a.*",
        "(a|b)*",
        "[a-z]{96}",
        "[a-z]{97}",
        ".{47}",
        ".{49}",
        r"\pL{13}",
        r"\pL{90}",
        "(?i)kilo{20}",
        "[^/]{48}",
        "[^/]{50}",
        "ä{20}",
        "/(?!a)",
        r"(a)\1",
        "a{1001}",
        "(a",
        "[b-a]",
        "a**",
        r"\Qa.b\E",
        "(?P<n>a)",
    ],
)
def test_we_judge_expressions_as_envoy_does(pattern: str, tmp_path: Path) -> None:
    found = Findings(ObjectKey("VirtualService", "default", "x"))
    check_regex(found, "spec", pattern)
    codes = [d.code for d in found.sorted()]
    said = ask(tmp_path, regex_route(pattern))
    too_big = re.search(r"program size of (\d+) > max", said)
    if too_big:
        assert codes == ["PF0423"]
        assert f"{too_big[1]} instructions" in found.sorted()[0].message
        assert ask(tmp_path, regex_route(pattern), {"re2.max_program_size.error_level": 32768}) == ""
    else:
        assert codes == (["PF0421"] if said else [])
    assert set(codes) <= CODES.keys()
