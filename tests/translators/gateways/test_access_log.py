"""The access log's formats."""

from __future__ import annotations

import pytest

from translators.gateways.access_log import TEXT, access_log, format_problem
from translators.model.mesh_config import MeshConfig


def test_the_default_line_is_istios() -> None:
    assert TEXT == (
        '[%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% '
        "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %CONNECTION_TERMINATION_DETAILS% "
        '"%UPSTREAM_TRANSPORT_FAILURE_REASON%" %BYTES_RECEIVED% %BYTES_SENT% %DURATION% '
        '%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" "%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" '
        '"%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%" %UPSTREAM_CLUSTER_RAW% %UPSTREAM_LOCAL_ADDRESS% '
        "%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS% %REQUESTED_SERVER_NAME% %ROUTE_NAME%\n"
    )


@pytest.mark.parametrize(
    ("text", "fine"),
    [("", True), ("{}", True), ('{"a": "%PROTOCOL%"}', True), ("[]", False), ("{", False), ("[" * 100_000, False)],
)
def test_json_formats(text: str, fine: bool) -> None:
    mesh = MeshConfig(access_log_file="/dev/stdout", access_log_encoding="JSON", access_log_format=text)
    assert access_log(mesh) is not None
    assert (format_problem(mesh) == "") is fine


def test_no_file_means_no_log() -> None:
    assert access_log(MeshConfig(access_log_format="x")) is None
