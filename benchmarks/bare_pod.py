"""What a pod costs for being in the mesh: the memory of its Envoy, and the bytes that it is sent when it starts.

A real server, a real Envoy, both in a network namespace of their own; the pod calls nobody. Services are spread over 20
namespaces; with a `Sidecar` the pod sees those of its own. The lines are ratios: of the bytes that come in at Envoy to
the bytes of the resources in them (gRPC, HTTP/2 and names are the rest); memory is printed.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.harness import Result
from benchmarks.meshes import namespace_of
from tests.envoy.harness import objects
from tests.envoy.harness.town import Town
from tests.require import missing

SERVICES: Final = (10, 100, 1000)
SCOPE: Final = "{egress: [{hosts: ['./*']}]}"
MIB: Final = 1 << 20


def run() -> list[Result]:
    """Measure each size without and with a scope, once: nothing in it depends on time. Target 1.1."""
    for name in ("envoy", "netns", "iptables"):
        if reason := missing(name):
            print(f"bare_pod: not run, needs {name}: {reason}")
            return []
    return [_measured(count, scoped=scoped) for count in SERVICES for scoped in (False, True)]


def _measured(count: int, *, scoped: bool) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        town = Town(Path(folder))
        try:
            town.start(*_mesh(count, scoped=scoped))
            pod = town.pod("bare", "10.77.5.1", app="bare")
            envoy = pod.start_sidecar(Path(folder), namespace_of(0))
            said = town.pilotfish.api("xlog?limit=10000&proxy=bare")["records"]
            content = sum(record["bytes"] for record in said if record["event"] == "response")
            received = envoy.cluster_stat("xds-grpc", "upstream_cx_rx_bytes_total")
            heap = int(envoy.get("/memory")["allocated"])
            status = Path(f"/proc/{envoy.process.pid}/status").read_text(encoding="ascii")
        finally:
            town.close()
    resident = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    what = f"{count} services, {'a scope' if scoped else 'no scope'}"
    print(
        f"a bare pod, {what}: {received / 1000:.1f} kB received; Envoy has allocated {heap / MIB:.1f} MiB, "
        f"{int(resident[1]) / 1024 if resident else 0:.1f} MiB resident"
    )
    name = f"bare_pod_{count}_services{'_scoped' if scoped else ''}"
    return Result(name=name, subject=received / 1000, floor=content / 1000, target=1.1, unit="kB")


def _mesh(count: int, *, scoped: bool) -> list[objects.Object]:
    found = []
    for index in range(count):
        name, namespace = f"svc-{index}", namespace_of(index)
        address = f"10.96.{index // 250}.{index % 250 + 1}"
        found.append(objects.service(name, {"http": 80}, namespace, address, {"http": 8080}))
        ends = [f"10.{subnet}.{index // 250}.{index % 250 + 1}" for subnet in (100, 101)]
        found.append(objects.endpoint_slice(name, {"http": 8080}, ends, namespace))
    if scoped:
        found.append(objects.yaml_object("Sidecar", "default", SCOPE, namespace_of(0)))
    return found
