"""A cluster of 5,000 Services, 5,000 EndpointSlices and 10,000 Pods. (e) What it takes to be ready. (f) What 1,000
events a second take, and how long it is until a proxy has ACKed what they change.

Subject: the server as `pilotfish serve` runs it; for (f) with one sidecar that has all endpoints, over delta. Floor: a
loop that lists the same objects (and then watches them) through the same client, and keeps them as msgspec-decoded
dicts, without garbage collection. Both are processes of their own, and so are the sidecar and the API server (that of
tests/apiserver).

What counts is processor time, and the memory at its peak beyond that of before the first request. The time from an
event to its ACK is compared with the second within which traffic shall follow; with events that never cease it is
about `--debounce-max`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import grpc
import grpc.aio
import msgspec
import uvloop
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.service.discovery.v3 import discovery_pb2

from benchmarks.cluster_objects import endpoint_slice, number_of, pods, service
from benchmarks.harness import Result
from benchmarks.meshes import NAMESPACES, namespace_of
from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN, Emulation
from tests.apiserver.resources import BUILT_IN
from translators.resources import CLUSTER, ENDPOINT
from xds_server.app import App, Settings
from xds_server.kube_api import KubeApi
from xds_server.transport.services import ADS

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES: Final = 5000
ROUNDS: Final = 3
RATE: Final = 1000
"""Events a second."""
SECONDS: Final = 8
"""Of them, in a round."""

PORTS: Final = 2
"""Of each Service."""
LISTED: Final = ("/api/v1/services", "/apis/discovery.k8s.io/v1/endpointslices", "/api/v1/pods")
FIRST: Final = 1 << 20
"""The number of the first event: above those of all pods."""
_POLL: Final = 0.005
_DEADLINE: Final = 120.0


def run() -> Iterator[Result]:
    """Start an API server, and let subject and floor follow it in turn."""
    with tempfile.TemporaryDirectory() as folder, _Child("api", folder) as api:
        kubeconfig = api.line()
        started: dict[str, list[dict[str, float]]] = {"subject": [], "floor": []}
        for _ in range(ROUNDS):
            for kind, measured in started.items():
                with _Child(kind, kubeconfig) as child:
                    measured.append(child.line())
        for what, unit in (("cpu", "ms"), ("memory", "MiB")):
            subject, floor = (statistics.median(m[what] for m in started[kind]) for kind in ("subject", "floor"))
            yield Result(name=f"kubernetes: {what} to ready", subject=subject, floor=floor, target=2.0, unit=unit)
        with _Child("subject", kubeconfig) as child, _Child("sidecar", str(child.line()["xds"])) as sidecar:
            assert sidecar.line() == SERVICES * PORTS  # noqa: S101 - else it measures something else
            cost, written = _events(api, child, sidecar)
            acked = dict(sidecar.line())
        with _Child("floor", kubeconfig) as child:
            child.line()
            least, _ = _events(api, child, child)
        name = f"kubernetes: cpu an event, {RATE} a second"
        yield Result(name=name, subject=cost, floor=least, target=8.0, unit="us")
        late = statistics.quantiles((acked[number] - at for number, at in written), n=100)[98]
        yield Result(name="kubernetes: p99 event to ACK", subject=late * 1e3, floor=1000.0, target=1.0)


def _events(api: _Child, child: _Child, sees: _Child) -> tuple[float, list[tuple[int, float]]]:
    """Have the API server make events, and wait until they were seen; return microseconds of processor time an event,
    and when each was made.
    """
    before = float(child.ask("cpu"))
    written = api.ask("events")
    sees.ask("seen")
    return (float(child.ask("cpu")) - before) * 1e6 / len(written), written


class _Child:
    """A process that answers in JSON lines."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.kubernetes", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "GRPC_VERBOSITY": "NONE"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def line(self) -> Any:  # noqa: ANN401 - JSON
        """Return the next thing that it says."""
        assert self._process.stdout is not None  # noqa: S101 - for mypy: opened as a pipe
        line = self._process.stdout.readline()
        if not line:
            msg = "a process of the benchmark died"
            raise RuntimeError(msg)
        return json.loads(line)

    def ask(self, question: str) -> Any:  # noqa: ANN401 - JSON
        """Return its answer."""
        assert self._process.stdin is not None  # noqa: S101 - as above
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return self.line()


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


async def _question() -> str:
    line: str = await asyncio.to_thread(sys.stdin.readline)
    if not line:
        sys.exit()
    return line.strip()


def _api(folder: str) -> None:
    """Be the API server."""
    server = Emulation()
    storage = server.storage
    client = Cluster(server.url, TOKEN)
    kinds = {resource.kind: resource for resource in BUILT_IN}
    with storage.lock:
        for number in range(NAMESPACES):
            storage.create(kinds["Namespace"], "", {"metadata": {"name": namespace_of(number)}})
        for index in range(SERVICES):
            where = namespace_of(index)
            storage.create(kinds["Service"], where, service(index))
            storage.create(kinds["EndpointSlice"], where, endpoint_slice(index))
            for pod in pods(index):
                made = storage.create(kinds["Pod"], where, pod)
                storage.replace(kinds["Pod"], where, made["metadata"]["name"], pod, status=True)
    storage.compact()
    _say(str(client.kubeconfig(Path(folder, "kubeconfig"))))
    number = FIRST
    while sys.stdin.readline():
        written = []
        start = time.monotonic()
        for tick in range(SECONDS * 100):
            time.sleep(max(0.0, start + tick / 100 - time.monotonic()))
            with storage.lock:
                for _ in range(RATE // 100):
                    index = number % SERVICES
                    changed = endpoint_slice(index, first=number)
                    written.append((number, time.monotonic()))
                    storage.replace(kinds["EndpointSlice"], namespace_of(index), changed["metadata"]["name"], changed)
                    number += 1
        _say(written)


async def _subject(kubeconfig: str) -> None:
    """Be the server."""
    app = App(
        Settings(
            config=(),
            kubeconfig=Path(kubeconfig),
            xds_address=("127.0.0.1", 0),
            http_address=("127.0.0.1", 0),
            own_process=True,
        )
    )
    meter = _Meter()
    running = asyncio.create_task(app.run())
    while not app.backend.ready:  # noqa: ASYNC110 - there is nothing to wait for
        await asyncio.sleep(_POLL)
    _say({**meter.read(), "xds": app.addresses["xds"]})
    while await _question():
        _say(time.process_time())
    await running


async def _floor(kubeconfig: str) -> None:
    """Be the loop that keeps dicts."""
    gc.disable()
    known: dict[str, dict[tuple[str, str], Any]] = {path: {} for path in LISTED}
    async with KubeApi.connect(kubeconfig=Path(kubeconfig)) as api:
        meter = _Meter()
        versions = {path: await _listed(api, path, known[path]) for path in LISTED}
        _say(meter.read())
        slices, seen = LISTED[1], asyncio.Event()
        watching = asyncio.create_task(_watched(api, slices, versions[slices], known[slices], seen))
        while question := await _question():
            if question == "seen":
                await seen.wait()
            _say(time.process_time())
        await watching


async def _listed(api: KubeApi, path: str, known: dict[tuple[str, str], Any]) -> str:
    query = [("limit", "500")]
    while True:
        page = msgspec.json.decode(await api.request("GET", path, query=query))
        for item in page["items"]:
            known[item["metadata"]["namespace"], item["metadata"]["name"]] = item
        more = page["metadata"].get("continue")
        if not more:
            return str(page["metadata"]["resourceVersion"])
        query = [("limit", "500"), ("continue", more)]


async def _watched(
    api: KubeApi, path: str, version: str, known: dict[tuple[str, str], Any], seen: asyncio.Event
) -> None:
    events = 0
    async with api.lines(path, query=[("watch", "true"), ("resourceVersion", version)], silence=_DEADLINE) as lines:
        async for some in lines:
            for line in some:
                item = msgspec.json.decode(line)["object"]
                known[item["metadata"]["namespace"], item["metadata"]["name"]] = item
                events += 1
            if events == RATE * SECONDS:
                seen.set()


class _Meter:
    """What was used since it was made."""

    def __init__(self) -> None:
        gc.collect()
        self._cpu = time.process_time()
        self._before = _status("VmRSS")

    def read(self) -> dict[str, float]:
        """Return milliseconds of processor time, and the MiB of the peak beyond what was there before."""
        return {"cpu": (time.process_time() - self._cpu) * 1e3, "memory": _status("VmHWM") - self._before}


def _status(what: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:")) / 1024


async def _sidecar(xds: str) -> None:
    """Be a proxy with all clusters and their endpoints; say which event was ACKed when."""
    channel = grpc.aio.insecure_channel(xds, options=[("grpc.max_receive_message_length", -1)])
    call: Any = channel.stream_stream(
        f"/{ADS.name}/DeltaAggregatedResources",
        request_serializer=discovery_pb2.DeltaDiscoveryRequest.SerializeToString,
        response_deserializer=discovery_pb2.DeltaDiscoveryResponse.FromString,
    )()
    first = discovery_pb2.DeltaDiscoveryRequest(type_url=CLUSTER)
    first.node.id = f"sidecar~10.0.0.0~svc-0-0.{namespace_of(0)}~{namespace_of(0)}.svc.cluster.local"
    await call.write(first)
    assigned: set[str] = set()
    acked: dict[int, float] = {}
    all_seen = asyncio.Event()
    asking = asyncio.create_task(_tell(all_seen, acked))
    while (response := await call.read()) is not grpc.aio.EOF:
        ack = discovery_pb2.DeltaDiscoveryRequest(type_url=response.type_url, response_nonce=response.nonce)
        if response.type_url == CLUSTER:
            names = [r.name for r in response.resources if r.name.startswith("outbound|")]
            wanted = discovery_pb2.DeltaDiscoveryRequest(type_url=ENDPOINT, resource_names_subscribe=names)
            await call.write(wanted)
        await call.write(ack)
        now = time.monotonic()
        if response.type_url == ENDPOINT:
            before = len(assigned)
            assigned |= {r.name for r in response.resources}
            if before < SERVICES * PORTS == len(assigned):
                _say(len(assigned))
            for number in _numbers(response):
                acked.setdefault(number, now)
            if len(acked) == RATE * SECONDS:
                all_seen.set()
    await asking


async def _tell(all_seen: asyncio.Event, acked: dict[int, float]) -> None:
    await _question()
    await all_seen.wait()
    _say("seen")
    _say(sorted(acked.items()))


def _numbers(response: discovery_pb2.DeltaDiscoveryResponse) -> Iterator[int]:
    """Yield the numbers of the events behind what a response holds."""
    for resource in response.resources:
        assignment = endpoint_pb2.ClusterLoadAssignment.FromString(resource.resource.value)
        for locality in assignment.endpoints:
            for endpoint in locality.lb_endpoints:
                number = number_of(endpoint.endpoint.address.socket_address.address)
                if number >= FIRST:
                    yield number


if __name__ == "__main__":
    what, argument = sys.argv[1:]
    if what == "api":
        _api(argument)
    else:
        uvloop.run({"subject": _subject, "floor": _floor, "sidecar": _sidecar}[what](argument))
