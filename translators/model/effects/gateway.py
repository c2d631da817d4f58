"""Gateway: listeners."""

from __future__ import annotations

from typing import Final

GATEWAY: Final[dict[str, str]] = {
    "spec.selector": "which proxies it is for",
    "spec.servers": "a `Listener` for each port and address, with an `HttpConnectionManager`",
    "spec.servers[].port.number": "`Listener.address`, `Listener.name`",
    "spec.servers[].port.protocol": "what kind of `FilterChain` there is",
    "spec.servers[].port.name": "part of the name of an HTTPS server's `RouteConfiguration.name`",
    "spec.servers[].port.targetPort": "nothing: an error (PF0308); a Service maps ports",
    "spec.servers[].bind": "`Listener.address`",
    "spec.servers[].hosts": "`VirtualHost.domains`: what it has in common with the hosts of VirtualServices",
    "spec.servers[].tls": "how TLS is terminated",
    "spec.servers[].tls.httpsRedirect": "`VirtualHost.require_tls`",
    "spec.servers[].name": "how the server is named in diagnostics",
}
