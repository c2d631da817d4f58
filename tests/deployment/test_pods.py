"""What runs in the pods: flags that are ours, nobody who is root, probes with an answer, a bootstrap for Envoy."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import pytest
import yaml
from click.testing import CliRunner

from tests.apiserver.cluster import Cluster
from tests.apiserver.emulation import TOKEN
from tests.envoy.harness.client import request
from tests.envoy.harness.envoy_process import EnvoyProcess, envoy_binary
from tests.envoy.harness.waiting import eventually
from tests.require import require
from xds_server.bootstrap import ADMIN_PORT
from xds_server.cli.main import main
from xds_server.demo.ports import ReservedPort
from xds_server.deployment.gateway import PORTS
from xds_server.deployment.labels import GATEWAY, NAME
from xds_server.deployment.manifests import NAMESPACE, manifests
from xds_server.deployment.objects import HTTP_PORT, USER, XDS_PORT
from xds_server.deployment.values import ENVOY_IMAGE, Values, read_values
from xds_server.injection.life import Draining, drain
from xds_server.webhook.names import PORT as WEBHOOK_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.apiserver.emulation import Emulation

ROOT: Final = Path(__file__).parents[2]
FIELDS: Final = {
    "metadata.name": f"{GATEWAY}-5d8",
    "metadata.namespace": NAMESPACE,
    "status.podIP": "10.0.0.7",
    "spec.serviceAccountName": GATEWAY,
    "spec.nodeName": "node-1",
}
"""What the downward API would say."""


LISTENING: Final = """
admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}
static_resources:
  listeners:
  - name: a
    address: {socket_address: {address: 127.0.0.1, port_value: PORT}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          stat_prefix: a
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}
          route_config:
            virtual_hosts:
            - {name: a, domains: ["*"], routes: [{match: {prefix: /}, direct_response: {status: 200}}]}
"""


def objects(kind: str, values: Values | None = None) -> dict[str, dict[str, Any]]:
    """Return the specs of a kind, by name."""
    found = manifests(values or Values(), NAMESPACE)
    return {one["metadata"]["name"]: one["spec"] for one in found if one["kind"] == kind}


def pod(name: str, values: Values | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = objects("Deployment", values)[name]["template"]["spec"]
    return spec


def containers(name: str) -> list[dict[str, Any]]:
    spec = pod(name)
    return [*spec.get("initContainers", ()), *spec["containers"]]


def environment(container: dict[str, Any]) -> dict[str, str]:
    """Return the variables of a container, those of the downward API too."""
    return {
        one["name"]: one["value"] if "value" in one else FIELDS[one["valueFrom"]["fieldRef"]["fieldPath"]]
        for one in container["env"]
    }


def parsed(verb: str, env: dict[str, str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> dict[str, Any]:
    """Parse arguments and environment with a verb's command; what is wrong raises click.UsageError."""
    for name in [name for name in os.environ if name.startswith("PILOTFISH_")]:
        monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with click.Context(main) as parent:
        command = main.get_command(parent, verb)
        assert command is not None
        known = {option.envvar for option in command.params}
        others = set(re.findall(r"\$\((\w+)\)", " ".join(env.values())))
        assert env.keys() - others <= known, "a variable that no flag reads"
        return dict(command.make_context(verb, list(arguments)).params)


def test_the_control_planes_flags_are_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    container = pod(NAME)["containers"][0]
    verb, *arguments = container["args"]
    found = parsed(verb, environment(container), monkeypatch, *arguments)
    assert found["in_cluster"] is True
    assert found["xds_address"] == ("0.0.0.0", XDS_PORT)
    assert found["http_address"] == ("0.0.0.0", HTTP_PORT)
    assert (found["root_namespace"], found["cluster_domain"]) == (NAMESPACE, "cluster.local")
    graceful = found["drain_delay"] + found["shutdown_grace"]
    assert graceful < pod(NAME)["terminationGracePeriodSeconds"]


def test_further_arguments_are_arguments_of_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    container = pod(NAME, read_values({"extraArgs": ["--log-level", "debug"]}))["containers"][0]
    verb, *arguments = container["args"]
    assert parsed(verb, environment(container), monkeypatch, *arguments)["log_level"] == "debug"


@pytest.mark.parametrize("name", [NAME, GATEWAY])
def test_no_flag_is_set_by_the_names_of_services(name: str) -> None:
    """Kubernetes would set PILOTFISH_PORT and the like for a Service that is called pilotfish."""
    assert pod(name)["enableServiceLinks"] is False


@pytest.mark.parametrize("name", [NAME, GATEWAY])
def test_pods_are_restricted(name: str) -> None:
    """As the Pod Security Standards have it: https://kubernetes.io/docs/concepts/security/pod-security-standards/."""
    spec = pod(name)
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
    assert all("emptyDir" in volume for volume in spec["volumes"])
    for container in containers(name):
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert security.get("runAsUser", 1) > 0
        assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("name", [NAME, GATEWAY])
def test_the_selectors_fit_the_pods(name: str) -> None:
    deployment = objects("Deployment")[name]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"].items() <= labels.items()
    assert objects("Service")[name]["selector"].items() <= labels.items()
    assert objects("PodDisruptionBudget")[name]["selector"]["matchLabels"].items() <= labels.items()
    assert objects("HorizontalPodAutoscaler")[name]["scaleTargetRef"]["name"] == name
    (term,) = deployment["template"]["spec"]["affinity"]["podAntiAffinity"].values()
    assert term[0]["podAffinityTerm"]["labelSelector"]["matchLabels"].items() <= labels.items()


@pytest.mark.parametrize("name", [NAME, GATEWAY])
def test_the_service_leads_to_ports_of_the_pods(name: str) -> None:
    ports = {one["name"]: one["containerPort"] for container in pod(name)["containers"] for one in container["ports"]}
    for one in objects("Service")[name]["ports"]:
        assert one["targetPort"] == ports[one["name"]]


def test_the_image_is_that_of_the_dockerfile() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"USER {USER}:{USER}" in text
    assert pod(NAME)["securityContext"]["runAsUser"] == USER
    assert "command" not in pod(NAME)["containers"][0], "the entry point is the Dockerfile's"
    # `serve --in-cluster` needs the extra.
    assert re.search(r"pip install .*\[kubernetes\]", text)
    exposed = re.search(r"^EXPOSE (.*)$", text, re.MULTILINE)
    assert exposed
    assert {int(port) for port in exposed[1].split()} == {XDS_PORT, HTTP_PORT, WEBHOOK_PORT}


def test_the_gateways_image_is_the_one_of_compose() -> None:
    text = (ROOT / "compose" / "quickstart" / "docker-compose.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["services"]["gateway"]["image"] == ENVOY_IMAGE
    assert pod(GATEWAY)["containers"][0]["image"] == ENVOY_IMAGE


def test_the_gateways_bootstrap_says_who_it_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    parsed("bootstrap", environment(pod(GATEWAY)["initContainers"][0]), monkeypatch)
    tree = yaml.safe_load(written_bootstrap(tmp_path).read_text(encoding="utf-8"))
    node = tree["node"]
    assert node["id"] == f"router~10.0.0.7~{GATEWAY}-5d8.{NAMESPACE}~{NAMESPACE}.svc.cluster.local"
    labels = objects("Deployment")[GATEWAY]["template"]["metadata"]["labels"]
    assert node["metadata"]["LABELS"].items() <= labels.items()
    assert node["metadata"]["LABELS"].keys() == {"app", "istio"}
    assert node["metadata"]["SERVICE_ACCOUNT"] == GATEWAY
    assert "UNPRIVILEGED_POD" in node["metadata"]
    # It asks the Service of the control plane, at one of its ports.
    cluster = next(one for one in tree["static_resources"]["clusters"] if one["name"] == "xds-grpc")
    (endpoint,) = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"]
    asked = endpoint["endpoint"]["address"]["socket_address"]
    assert asked["address"] == f"{NAME}.{NAMESPACE}.svc.cluster.local"
    assert asked["port_value"] in {one["port"] for one in objects("Service")[NAME]["ports"]}


def written_bootstrap(folder: Path) -> Path:
    """Run the init container's command, with its environment, on a folder in the place of its volume."""
    container = pod(GATEWAY)["initContainers"][0]
    (mount,) = container["volumeMounts"]
    command = [word.replace(mount["mountPath"], str(folder)) for word in container["command"]]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(command, env={"PATH": path, **environment(container)}, timeout=60, check=True)
    (written,) = folder.iterdir()
    return written


def test_envoy_takes_the_gateways_bootstrap_and_flags(tmp_path: Path) -> None:
    require("envoy")
    written = written_bootstrap(tmp_path)
    (mount,) = pod(GATEWAY)["containers"][0]["volumeMounts"]
    program, *arguments = pod(GATEWAY)["containers"][0]["command"]
    assert program == "envoy"
    arguments = [word.replace(mount["mountPath"], str(tmp_path)) for word in arguments]
    assert str(written) in arguments
    done = subprocess.run(
        [envoy_binary(), *arguments, "--mode", "validate"], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    tree = yaml.safe_load(written.read_text(encoding="utf-8"))
    listening = {one["address"]["socket_address"]["port_value"] for one in tree["static_resources"]["listeners"]}
    probes = {pod(GATEWAY)["containers"][0][f"{kind}Probe"]["httpGet"]["port"] for kind in ("startup", "readiness")}
    assert probes <= listening
    annotations = objects("Deployment")[GATEWAY]["template"]["metadata"]["annotations"]
    assert int(annotations["prometheus.io/port"]) in listening
    assert tree["admin"]["address"]["socket_address"]["port_value"] == ADMIN_PORT, "where the hook asks"


def test_envoy_drains_before_it_is_stopped(tmp_path: Path) -> None:
    """The hook has it end its connections after their next answer, and still take those that come meanwhile."""
    require("envoy")
    with contextlib.closing(ReservedPort()) as reserved:
        (tmp_path / "envoy.yaml").write_text(LISTENING.replace("PORT", str(reserved.port)), encoding="utf-8")
        envoy = EnvoyProcess.run(tmp_path, ["-c", str(tmp_path / "envoy.yaml")])
        try:
            assert "connection" not in request(reserved.port, "/").headers
            values = read_values({"gateway": {"drainSeconds": 1}})
            hook = pod(GATEWAY, values)["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
            assert hook == drain(Draining(seconds=1), gateway=True)
            here = hook[-1].replace(f"port={ADMIN_PORT}", f"port={envoy.admin_port}")
            subprocess.run([*hook[:-1], here], timeout=30, check=True)
            answer = request(reserved.port, "/")
            assert (answer.status, answer.headers["connection"]) == (200, "close")
        finally:
            envoy.process.stop()


def test_a_gateway_on_port_80_is_reached_by_way_of_the_service(tmp_path: Path) -> None:
    found = [one for one in manifests(Values()) if (one["kind"], one["metadata"]["name"]) == ("Service", GATEWAY)]
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    api = "networking.istio.io/v1"
    spec = {"selector": {"istio": "ingressgateway"}, "servers": [server]}
    found.append({"apiVersion": api, "kind": "Gateway", "metadata": {"name": "a"}, "spec": spec})
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all(found), encoding="utf-8")
    env = environment(pod(GATEWAY)["initContainers"][0])
    flags = [f"--label={label}" for label in env["PILOTFISH_LABEL"].split()]
    flags += ["--namespace", NAMESPACE, "--type", "router", "--metadata", "UNPRIVILEGED_POD=true"]
    result = CliRunner().invoke(main, ["translate", "--config", str(tmp_path), *flags])
    assert result.exit_code == 0, result.output
    (listener,) = yaml.safe_load(result.stdout)["listeners"]
    assert listener["address"]["socket_address"]["port_value"] == PORTS["http2"][1]


INSIDE: Final = """
set -e
mount --bind "$1" /mnt
case $2 in
/tmp/*) ;; # what runs is there itself
*) mount -t tmpfs -o size=16m tmpfs /tmp ;;
esac
mount -o remount,bind,ro /
shift
exec unshare --user --map-user=1337 --map-group=1337 "$@"
"""
"""A pod's view of the world: nothing may be written but in /tmp, and nobody is root."""


def dockerfile_environment() -> dict[str, str]:
    """Return what the image sets, but for its own PATH."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    line = re.search(r"^ENV (.*)$", text, re.MULTILINE)
    assert line
    return {key: value for key, _, value in (part.partition("=") for part in line[1].split()) if key != "PATH"}


@pytest.fixture
def served(emulation: Emulation, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The control plane's container: its environment, with ports that are free and a kubeconfig."""
    require("netns")
    cluster = Cluster(emulation.url, TOKEN)
    cluster.install()
    cluster.kubeconfig(tmp_path / "config")
    env = environment(pod(NAME, read_values({"drainSeconds": 1, "shutdownSeconds": 1}))["containers"][0])
    del env["PILOTFISH_IN_CLUSTER"]
    env |= {"PILOTFISH_KUBECONFIG": "/mnt/config", "PILOTFISH_XDS_ADDRESS": "127.0.0.1:0"}
    env |= {"PILOTFISH_HTTP_ADDRESS": "127.0.0.1:0", "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    env |= dockerfile_environment()
    serve = [sys.executable, "-m", "xds_server", "serve"]
    command = ["unshare", "--mount", "sh", "-c", INSIDE, "sh", str(tmp_path), *serve]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=env, stderr=log, text=True, cwd="/")
    try:
        text = eventually(lambda: _address(process, tmp_path / "log"), 30, "it serves")
        yield process, text
    finally:
        process.kill()
        process.wait(10)


def _address(process: subprocess.Popen[str], log: Path) -> str:
    text = log.read_text(encoding="utf-8")
    assert process.poll() is None, text
    found = re.search(r"http=127\.0\.0\.1:(\d+)", text)
    return found[1] if found else ""


def test_it_runs_as_nobody_on_a_file_system_that_is_read_only(
    served: tuple[subprocess.Popen[str], str], tmp_path: Path
) -> None:
    process, port = served
    proc = Path(f"/proc/{process.pid}")
    assert (proc / "uid_map").read_text().split()[0] == str(USER)
    mounts = [line.split() for line in (proc / "mountinfo").read_text().splitlines()]
    assert {"ro"} <= {option for mount in mounts if mount[4] == "/" for option in mount[5].split(",")}
    container = pod(NAME)["containers"][0]
    for kind in ("startup", "readiness", "liveness"):
        path = container[f"{kind}Probe"]["httpGet"]["path"]
        eventually(lambda path=path: request(int(port), path).status == 200, 15, f"{path} answers")  # type: ignore[misc]
    process.send_signal(signal.SIGTERM)
    eventually(lambda: request(int(port), container["readinessProbe"]["httpGet"]["path"]).status == 503, 5, "it drains")
    assert request(int(port), container["livenessProbe"]["httpGet"]["path"]).status == 200
    assert process.wait(15) == 0
    assert "ERROR" not in (tmp_path / "log").read_text(encoding="utf-8")
