"""What a gRPC process holds, as it says itself: its Client Status Discovery Service (gRFC A40), asked from inside."""

from __future__ import annotations

from grpc_csds import ClientStatusDiscoveryServiceServicer


def held() -> dict[str, str]:
    """Return the state of each resource that was asked for: `Listener echo:80` to `ACKED`, or `NACKED <error>`."""
    states = {}
    for config in ClientStatusDiscoveryServiceServicer.FetchClientStatus(None, None).config:
        for resource in config.generic_xds_configs:
            field = type(resource).DESCRIPTOR.fields_by_name["client_status"]
            state = field.enum_type.values_by_number[resource.client_status].name
            name = f"{resource.type_url.rpartition('.')[2]} {resource.name}"
            states[name] = f"{state} {resource.error_state.details}".strip()
    return states
