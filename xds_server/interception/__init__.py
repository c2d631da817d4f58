"""Interception: the iptables rules that lead a pod's traffic through its Envoy (reference 6.3). Pure but `commands`.

Chains and their names are Istio's, since people know them from `iptables-save`:

    outbound  OUTPUT     -> ISTIO_OUTPUT  -> ISTIO_REDIRECT     -> port 15001
    inbound   PREROUTING -> ISTIO_INBOUND -> ISTIO_IN_REDIRECT  -> port 15006
"""

from __future__ import annotations

from xds_server.interception.restore import clean_up, install, missing
from xds_server.interception.rules import Table, tables
from xds_server.interception.settings import EVERYTHING, Interception

__all__ = ["EVERYTHING", "Interception", "Table", "clean_up", "install", "missing", "tables"]
