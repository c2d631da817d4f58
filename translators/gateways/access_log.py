"""The access log of a listener, as MeshConfig asks for it (reference, appendix B)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from envoy.config.accesslog.v3.accesslog_pb2 import AccessLog
from envoy.extensions.access_loggers.file.v3.file_pb2 import FileAccessLog
from envoy.extensions.formatter.metadata.v3.metadata_pb2 import Metadata
from envoy.extensions.formatter.req_without_query.v3.req_without_query_pb2 import ReqWithoutQuery
from google.protobuf.struct_pb2 import Struct

from translators.messages import pack

if TYPE_CHECKING:
    from translators.model.mesh_config import MeshConfig

FIELDS: Final = {
    "authority": "%REQ(:AUTHORITY)%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "connection_termination_details": "%CONNECTION_TERMINATION_DETAILS%",
    "downstream_local_address": "%DOWNSTREAM_LOCAL_ADDRESS%",
    "downstream_remote_address": "%DOWNSTREAM_REMOTE_ADDRESS%",
    "duration": "%DURATION%",
    "method": "%REQ(:METHOD)%",
    "path": "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    "protocol": "%PROTOCOL%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "requested_server_name": "%REQUESTED_SERVER_NAME%",
    "response_code": "%RESPONSE_CODE%",
    "response_code_details": "%RESPONSE_CODE_DETAILS%",
    "response_flags": "%RESPONSE_FLAGS%",
    "route_name": "%ROUTE_NAME%",
    "start_time": "%START_TIME%",
    "upstream_cluster": "%UPSTREAM_CLUSTER_RAW%",
    "upstream_host": "%UPSTREAM_HOST%",
    "upstream_local_address": "%UPSTREAM_LOCAL_ADDRESS%",
    "upstream_service_time": "%RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)%",
    "upstream_transport_failure_reason": "%UPSTREAM_TRANSPORT_FAILURE_REASON%",
    "user_agent": "%REQ(USER-AGENT)%",
    "x_forwarded_for": "%REQ(X-FORWARDED-FOR)%",
}
"""What Istio logs by default, by the names that it has in JSON logs."""

_QUOTED: Final = frozenset(
    {
        "authority",
        "request_id",
        "upstream_host",
        "upstream_transport_failure_reason",
        "user_agent",
        "x_forwarded_for",
    }
)
_ORDER: Final = (
    "response_code", "response_flags", "response_code_details", "connection_termination_details",
    "upstream_transport_failure_reason", "bytes_received", "bytes_sent", "duration", "upstream_service_time",
    "x_forwarded_for", "user_agent", "request_id", "authority", "upstream_host", "upstream_cluster",
    "upstream_local_address", "downstream_local_address", "downstream_remote_address", "requested_server_name",
    "route_name",
)  # fmt: skip

TEXT: Final = (
    f'[{FIELDS["start_time"]}] "{FIELDS["method"]} {FIELDS["path"]} {FIELDS["protocol"]}" '
    + " ".join(f'"{FIELDS[name]}"' if name in _QUOTED else FIELDS[name] for name in _ORDER)
    + "\n"
)
"""Istio's default line."""


def access_log(mesh: MeshConfig) -> AccessLog | None:
    """Return the file access log that the mesh wants, or None if `accessLogFile` is empty.

    A format for JSON that is not a JSON object is not used: the default fields are logged (see `format_problem`).
    """
    if not mesh.access_log_file:
        return None
    log = FileAccessLog(path=mesh.access_log_file)
    if mesh.access_log_encoding == "JSON":
        fields = _json_object(mesh.access_log_format) if mesh.access_log_format else FIELDS
        log.log_format.json_format.CopyFrom(_struct(FIELDS if fields is None else fields))
    else:
        line = mesh.access_log_format or TEXT
        log.log_format.text_format_source.inline_string = line if line.endswith("\n") else f"{line}\n"
    # Two operators are not built in: the extension that knows them must be named.
    if "%REQ_WITHOUT_QUERY" in mesh.access_log_format:
        formatter = log.log_format.formatters.add(name="envoy.formatter.req_without_query")
        pack(formatter.typed_config, ReqWithoutQuery())
    if "%METADATA(" in mesh.access_log_format:
        formatter = log.log_format.formatters.add(name="envoy.formatter.metadata")
        pack(formatter.typed_config, Metadata())
    out = AccessLog(name="envoy.access_loggers.file")
    pack(out.typed_config, log)
    return out


def format_problem(mesh: MeshConfig) -> str:
    """Return what is wrong with the mesh's access log format; empty if nothing is."""
    wants_json = mesh.access_log_file and mesh.access_log_encoding == "JSON" and mesh.access_log_format
    if wants_json and _json_object(mesh.access_log_format) is None:
        return "accessLogFormat is not a JSON object, but accessLogEncoding is JSON: the default fields are logged"
    return ""


def _json_object(text: str) -> dict[str, object] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _struct(fields: dict[str, object] | dict[str, str]) -> Struct:
    out = Struct()
    out.update(fields)  # type: ignore[arg-type] # what JSON gave
    return out
