"""What the goldens hold, a real gRPC client takes: nothing that we make for gRPC is rejected by it."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.envoy.harness import Pilotfish, eventually
from tests.proxyless.harness import GrpcClient
from tests.translators import goldens
from translators.resources import LISTENER
from translators.translate import Translator

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from translators.resources import ResourceSet

CASES = goldens.inputs("proxyless")
SERVERS = "xds.istio.io/"


def objects_of(path: Path) -> tuple[list[object], dict[str, object]]:
    """Return the objects of a case as files have them, and its MeshConfig."""
    settings, *documents = yaml.safe_load_all(path.read_text(encoding="utf-8"))
    return [{"apiVersion": goldens.API_VERSIONS[d["kind"]], **d} for d in documents], settings.get("mesh", {})


def reachable(made: ResourceSet, targets: Iterable[str]) -> set[tuple[str, str]]:
    """Return type and name of the listeners, and of all that they lead to."""
    found: set[tuple[str, str]] = set()
    ahead = {(LISTENER, name) for name in targets}
    while ahead:
        found |= ahead
        ahead = {ref for type_url, name in ahead for ref in made[type_url].resources[name].refs} - found
    return found


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name.removesuffix(".in.yaml"))
def test_a_client_accepts_all_of_it(path: Path, tmp_path: Path) -> None:
    case = goldens.read(path)
    made = Translator().translate(case.world, case.view)
    targets = [name for name in made[LISTENER].resources if not name.startswith(SERVERS)]
    expected = {f"{type_url.rpartition('.')[2]} {name}": "ACKED" for type_url, name in reachable(made, targets)}
    objects, mesh = objects_of(path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "objects.yaml").write_text(yaml.safe_dump_all(objects), encoding="utf-8")
    (tmp_path / "mesh.cfg").write_text(yaml.safe_dump(mesh), encoding="utf-8")
    with ExitStack() as stack:
        server = Pilotfish(tmp_path, arguments=["--mesh-config", str(tmp_path / "mesh.cfg")])
        stack.callback(server.stop)
        client = stack.enter_context(GrpcClient(server.xds_port, tmp_path / "client.log", dict(case.view.labels)))
        client.do("connect", targets=targets)
        eventually(lambda: expected.keys() <= client.held().keys(), 10.0, "all is asked for")
        # It asks again in between: what was answered once may be REQUESTED once more.
        eventually(lambda: client.held() == expected, 10.0, "all is answered, and accepted")
