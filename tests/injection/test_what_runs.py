"""What injection adds is run: our own commands take their arguments, and Envoy its bootstrap; probes reach the app."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
import yaml
from click.testing import CliRunner

from tests.injection.test_goldens import CASES, SETTINGS, TESTDATA, injected
from tests.require import envoy_binary, require
from xds_server import app_probes
from xds_server.cli.main import main
from xds_server.injection.settings import BOOTSTRAP, INTERCEPTION, PROXY
from xds_server.injection.stream import inject_stream
from xds_server.injection.text import documents, read
from xds_server.injection.workloads import template_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIELDS: Final = {
    "POD_NAME": "echo-1",
    "POD_NAMESPACE": "shop",
    "INSTANCE_IPS": "127.0.0.1,::1",
    "SERVICE_ACCOUNT": "me",
}


def pods() -> Iterator[tuple[str, Any]]:
    for case in CASES:
        for document in documents(injected(case).text):
            tree = read(document)
            for one in tree["items"] if isinstance(tree, dict) and "items" in tree else [tree]:  # type: ignore[union-attr]
                template = template_of(one) if isinstance(one, dict) else None
                if template is not None:
                    yield case, template


def containers(pod: Any) -> dict[str, Any]:
    return {c["name"]: c for key in ("initContainers", "containers") for c in (pod.get("spec") or {}).get(key) or ()}


def bootstrap_of(container: Any, folder: Path) -> Any:
    """Run the init container as kubelet would, with the paths of a test."""
    labels, made = folder / "labels", folder / "envoy.yaml"
    labels.write_text('app="echo"\nnote="a \\"quoted\\" one"', encoding="utf-8")
    args = []
    for arg in container["args"]:
        for name, value in FIELDS.items():
            arg = arg.replace(f"$({name})", value)  # noqa: PLW2901 - expanded step by step
        args.append(arg.replace("/etc/istio/pod/labels", str(labels)).replace("/etc/istio/proxy/envoy.yaml", str(made)))
    env = {one["name"]: one["value"] for one in container["env"] if "value" in one}
    done = CliRunner().invoke(main, args, env=env)
    assert done.exit_code == 0, done.output
    return yaml.safe_load(made.read_text(encoding="utf-8"))


def test_our_commands_take_what_they_are_given(tmp_path: Path) -> None:
    seen = 0
    for case, pod in pods():
        found = containers(pod)
        if BOOTSTRAP in found:
            seen += 1
            node = bootstrap_of(found[BOOTSTRAP], tmp_path)["node"]
            assert node["id"].partition("~")[2] == "127.0.0.1~echo-1.shop~shop.svc.cluster.local"
            assert node["metadata"]["LABELS"] == {"app": "echo", "note": 'a "quoted" one'}
            assert node["metadata"]["INSTANCE_IPS"] == "127.0.0.1,::1"
        if INTERCEPTION in found:
            done = CliRunner().invoke(main, [*found[INTERCEPTION]["args"], "--dry-run"])
            assert done.exit_code == 0, (case, done.output)
    assert seen > 40


def test_envoy_takes_the_bootstrap_and_its_flags(tmp_path: Path) -> None:
    require("envoy")
    for case in ("probes", "probes_https", "gateway", "annotation_proxy_config", "annotation_component_log_level"):
        pod = next(pod for name, pod in pods() if name == case)
        found = containers(pod)
        bootstrap_of(found[BOOTSTRAP], tmp_path)
        args = [a.replace("/etc/istio/proxy", str(tmp_path)) for a in found[PROXY]["args"]]
        done = subprocess.run(
            [str(envoy_binary()), *args, "--mode", "validate"], capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, (case, done.stderr)


class App(BaseHTTPRequestHandler):
    healthy = True

    def do_GET(self) -> None:
        asked = (self.path, self.headers.get("X-From"))
        self.send_response(200 if self.healthy and asked == ("/live?deep=1", "kubelet") else 503)
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def app() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), App)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def status(port: int, path: str) -> int:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"X-From": "kubelet"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310 - as above
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def becomes(port: int, path: str, wanted: int) -> bool:
    end = time.monotonic() + 30
    while (found := status(port, path)) != wanted:
        assert time.monotonic() < end, f"{path} answers {found}, not {wanted}"
        time.sleep(0.05)
    return True


def envoy_command(bootstrap: Any, folder: Path, *, admin: int, status: int) -> list[str]:
    """Write a bootstrap that takes nobody else's ports and needs no control plane, and return how Envoy is started."""
    text = json.dumps(bootstrap["static_resources"]).replace("15000", str(admin)).replace("15021", str(status))
    static = json.loads(text)
    static["listeners"] = [one for one in static["listeners"] if one["name"] != "metrics"]
    bootstrap["admin"]["address"]["socket_address"]["port_value"] = admin
    del bootstrap["dynamic_resources"]  # an Envoy listens once it has its first configuration
    file = folder / "envoy.json"
    file.write_text(json.dumps({**bootstrap, "static_resources": static}), encoding="utf-8")
    return [str(envoy_binary()), "-c", str(file), "--log-level", "error", "--concurrency", "1"]


def test_the_hooks_of_the_proxy_work_where_there_is_bash(tmp_path: Path) -> None:
    """A plain container waits for itself before the app starts, and drains before it ends."""
    require("envoy")
    pod = next(pod for case, pod in pods() if case == "annotation_hold_application")
    found = containers(pod)
    admin, port = free_port(), free_port()
    hooks = {
        name: hook["exec"]["command"][2].replace("15000", str(admin)).replace("15021", str(port)).replace("=20 ", "=0 ")
        for name, hook in found[PROXY]["lifecycle"].items()
    }
    assert pod["spec"]["containers"][0]["name"] == PROXY
    with subprocess.Popen(["/bin/bash", "-c", hooks["postStart"]], stderr=subprocess.DEVNULL) as waiting:
        time.sleep(0.3)  # nothing is there yet, so it must not have ended
        assert waiting.poll() is None
        command = envoy_command(bootstrap_of(found[BOOTSTRAP], tmp_path), tmp_path, admin=admin, status=port)
        with subprocess.Popen([*command, "--disable-hot-restart"], stderr=subprocess.DEVNULL) as envoy:
            try:
                assert waiting.wait(30) == 0
                script = ["/bin/bash", "-c", hooks["preStop"]]
                assert subprocess.run(script, check=False, timeout=30).returncode == 0
                assert envoy.poll() is None
            finally:
                envoy.terminate()


def test_envoy_answers_the_probes_of_an_app(
    app: ThreadingHTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require("envoy")
    probes, app_port = free_port(), app.server_address[1]
    monkeypatch.setattr(app_probes, "PROBES_PORT", probes)
    text = (TESTDATA / "probes.in.yaml").read_text(encoding="utf-8").replace("8080", str(app_port))
    text = text.replace("/live", "/live?deep=1").replace("9000", str(app_port))
    pod = template_of(read(inject_stream(text, SETTINGS).text))  # type: ignore[arg-type]
    bootstrap = bootstrap_of(containers(pod)[BOOTSTRAP], tmp_path)
    admin = free_port()
    command = envoy_command(bootstrap, tmp_path, admin=admin, status=free_port())
    with subprocess.Popen([*command, "--disable-hot-restart"], stderr=subprocess.DEVNULL) as envoy:
        try:
            assert becomes(probes, "/app-health/echo/livez", 200)
            assert becomes(probes, "/app-health/echo/readyz", 200)
            # It is no gRPC server, so its gRPC probe must fail; nor is anything else answered.
            assert becomes(probes, "/app-health/echo/startupz", 503)
            assert status(probes, "/app-health/other/livez") == 404
            monkeypatch.setattr(App, "healthy", False)
            assert status(probes, "/app-health/echo/livez") == 503
            app.shutdown()
            app.server_close()
            assert becomes(probes, "/app-health/echo/readyz", 503)
        finally:
            envoy.terminate()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"/a": {"httpGet": {}}}', '{"/a": {"httpGet": {"port": "x"}}}'])
def test_a_table_of_probes_that_cannot_be_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        app_probes.read_app_probes(text)


def test_the_command_prints_nothing_for_what_is_refused() -> None:
    done = CliRunner().invoke(main, ["inject", "-f", str(TESTDATA / "annotation_bad_port.in.yaml")])
    assert (done.exit_code, done.stdout) == (1, "")
    assert "error[PF0161] Pod default/echo" in done.stderr


def test_the_command_reads_stdin() -> None:
    text = (TESTDATA / "kind_pod.in.yaml").read_text(encoding="utf-8")
    done = CliRunner().invoke(main, ["inject", "-f", "-", "--plain-sidecars", "--proxy-image", "e:1"], input=text)
    assert done.exit_code == 0
    pod = read(done.stdout)
    assert [one["image"] for one in pod["spec"]["containers"]] == ["echo:1", "e:1"]  # type: ignore[index, call-overload, union-attr]
