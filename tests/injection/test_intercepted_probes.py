"""Probes where traffic is intercepted: Envoy, as user 1337, asks the app itself, and not its own inbound listener."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.require import envoy_binary, require
from xds_server.app_probes import add_app_probes, read_app_probes
from xds_server.bootstrap import BootstrapSettings, bootstrap
from xds_server.cli.node_options import NodeOptions

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "10.9.9.9"
PROBERS = {
    "/app-health/a/livez": {"httpGet": {"port": 8080, "path": "/"}},
    "/app-health/a/readyz": {"tcpSocket": {"port": 8080}, "periodSeconds": 2},
    "/app-health/a/startupz": {"tcpSocket": {"port": 8081}, "periodSeconds": 2},
}
ASK = """
import sys, time, urllib.error, urllib.request
def status(path):
    try:
        return urllib.request.urlopen("http://127.0.0.1:15020" + path, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0
wanted = {"livez": 200, "readyz": 200, "startupz": 503}
end = time.monotonic() + 30
while (found := {name: status("/app-health/a/" + name) for name in wanted}) != wanted and time.monotonic() < end:
    time.sleep(0.05)
print(found)
"""


def test_probes_reach_the_app_and_nothing_in_its_place(tmp_path: Path) -> None:
    require("netns", "iptables", "envoy")
    proxy = NodeOptions(type="sidecar", name="a", namespace="default", ip_addresses=(ADDRESS,)).proxy()
    tree: Any = bootstrap(proxy, BootstrapSettings(xds_host="127.0.0.1", xds_port=1))
    add_app_probes(tree, read_app_probes(json.dumps(PROBERS)), proxy.ip_addresses)
    del tree["dynamic_resources"]  # an Envoy listens once it has its first configuration
    (tmp_path / "envoy.json").write_text(json.dumps(tree), encoding="utf-8")
    (tmp_path / "served").mkdir()
    script = f"""
set -e
trap 'kill $(jobs -p)' EXIT
ip link set lo up
ip addr add {ADDRESS}/32 dev lo
"{sys.executable}" -m xds_server iptables --no-ipv6
"{sys.executable}" -m http.server 8080 --bind {ADDRESS} --directory "{tmp_path}/served" >/dev/null 2>&1 &
exec 9<"{envoy_binary()}"  # the user of the proxy may not see the folders that it is in
setpriv --reuid 1337 --regid 1337 --clear-groups /proc/self/fd/9 --config-yaml "$(cat "{tmp_path}/envoy.json")" \\
  --disable-hot-restart -l off &
"{sys.executable}" -c '{ASK}'
"""
    done = subprocess.run(
        ["unshare", "--net", "bash", "-c", script], capture_output=True, text=True, check=False, timeout=90
    )
    assert done.stdout.strip() == "{'livez': 200, 'readyz': 200, 'startupz': 503}", done.stderr
