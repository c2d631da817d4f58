"""The containers that injection adds: what renders the bootstrap, what leads the traffic, and Envoy itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from xds_server.injection.life import Draining, drain, wait_until_ready
from xds_server.injection.settings import (
    BOOTSTRAP,
    INBOUND_PORT,
    INTERCEPTION,
    METRICS_PORT,
    OUTBOUND_PORT,
    PROXY,
    STATUS_PORT,
    USER_ID,
    InjectionSettings,
)

if TYPE_CHECKING:
    from xds_server.injection.overrides import Overrides
    from xds_server.injection.settings import Mapping, Tree

CONFIG: Final = "/etc/istio/proxy/envoy.yaml"
_CONFIG_MOUNT: Final[Mapping] = {"name": "istio-envoy", "mountPath": "/etc/istio/proxy"}
_LABELS_MOUNT: Final[Mapping] = {"name": "istio-podinfo", "mountPath": "/etc/istio/pod", "readOnly": True}
_TOKEN_MOUNT: Final[Mapping] = {"name": "istio-token", "mountPath": "/var/run/secrets/tokens", "readOnly": True}
_METADATA: Final = "ISTIO_META_"


def volumes(overrides: Overrides) -> list[Tree]:
    """Return the volumes: the bootstrap, the pod's labels, and the token by which the proxy says who it is."""
    labels: Mapping = {"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}
    token: Mapping = {"path": "istio-token", "audience": "istio-ca", "expirationSeconds": 43200}
    return [
        {"name": "istio-envoy", "emptyDir": {"medium": "Memory"}},
        {"name": "istio-podinfo", "downwardAPI": {"items": [labels]}},
        {"name": "istio-token", "projected": {"sources": [{"serviceAccountToken": token}]}},
        *(dict(one) for one in overrides.volumes),
    ]


def bootstrap_container(
    settings: InjectionSettings, overrides: Overrides, *, workload: str, node_type: str, probers: str
) -> Mapping:
    """Return the init container that renders Envoy's bootstrap from what the downward API says of the pod."""
    config = overrides.proxy_config
    args = [
        "bootstrap",
        f"--type={node_type}",
        "--name=$(POD_NAME)",
        "--namespace=$(POD_NAMESPACE)",
        "--ip=$(INSTANCE_IPS)",
        "--service-account=$(SERVICE_ACCOUNT)",
        f"--dns-domain=$(POD_NAMESPACE).svc.{settings.cluster_domain}",
        "--labels-file=/etc/istio/pod/labels",
        f"--metadata=CLUSTER_ID={settings.cluster_id}",
        "--metadata=NODE_NAME=$(NODE_NAME)",
    ]
    if workload:
        args.append(f"--metadata=WORKLOAD_NAME={workload}")
    own = {k.removeprefix(_METADATA): v for k, v in config.metadata.items() if k.startswith(_METADATA)}
    args += [f"--metadata={key}={value}" for key, value in sorted(own.items())]
    if settings.network:
        args.append(f"--network={settings.network}")
    if node_type == "sidecar":
        args.append(f"--interception-mode={overrides.interception_mode}")
    args += [f"--xds-address={config.discovery_address or settings.xds_address}", f"--write={CONFIG}"]
    env: list[Tree] = [
        _field("POD_NAME", "metadata.name"),
        _field("POD_NAMESPACE", "metadata.namespace"),
        _field("INSTANCE_IPS", "status.podIPs"),
        _field("SERVICE_ACCOUNT", "spec.serviceAccountName"),
        _field("NODE_NAME", "spec.nodeName"),
    ]
    if probers:
        env.append({"name": "ISTIO_KUBE_APP_PROBERS", "value": probers})
    return {
        "name": BOOTSTRAP,
        **_image(settings.pilotfish_image, settings),
        "args": list(args),
        "env": env,
        "resources": _resources(settings, overrides),
        "securityContext": _unprivileged(),
        "volumeMounts": [dict(_CONFIG_MOUNT), dict(_LABELS_MOUNT)],
    }


def interception_container(settings: InjectionSettings, overrides: Overrides) -> Mapping:
    """Return the init container that leads the pod's traffic through Envoy (reference 6.3)."""
    flags = {
        "--outbound-port": str(OUTBOUND_PORT),
        "--inbound-port": str(INBOUND_PORT),
        "--proxy-uid": str(USER_ID),
        "--proxy-gid": str(USER_ID),
        "--mode": overrides.interception_mode,
        **overrides.interception,
    }
    if overrides.interception_mode == "TPROXY":  # Envoy is root then, and only its group tells it from others
        del flags["--proxy-uid"]
    return {
        "name": INTERCEPTION,
        **_image(settings.pilotfish_image, settings),
        "args": ["iptables", *(f"{flag}={value}" for flag, value in flags.items())],
        "resources": _resources(settings, overrides),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": False,  # iptables keeps a lock in /run
            "runAsGroup": 0,
            "runAsNonRoot": False,
            "runAsUser": 0,
        },
    }


def proxy_container(
    settings: InjectionSettings, overrides: Overrides, *, sidecar: bool, native: bool, grace_seconds: int
) -> Mapping:
    """Return Envoy: `sidecar` or gateway, `native` (an init container that stays) or plain; `grace_seconds` is the
    pod's terminationGracePeriodSeconds.
    """
    config = overrides.proxy_config
    flags = {
        "--config-path": CONFIG,
        "--log-level": overrides.log_level or settings.log_level,
        "--component-log-level": overrides.component_log_level or "misc:error",
        "--drain-time-s": str(config.drain_seconds),
        "--drain-strategy": "immediate",
    }
    if config.concurrency:
        flags["--concurrency"] = str(config.concurrency)
    # Envoy takes no `--flag=value`. Nobody restarts it in place, and its shared memory would need a writable disk.
    args: list[Tree] = [part for flag in flags.items() for part in flag]
    args.append("--disable-hot-restart")
    made: Mapping = {
        "name": PROXY,
        **_image(_proxy_image(settings, overrides), settings),
        "command": ["/usr/local/bin/envoy"],
        "args": args,
    }
    if native:
        made["restartPolicy"] = "Always"
    if config.metadata:
        made["env"] = [{"name": key, "value": value} for key, value in sorted(config.metadata.items())]
    hooks: Mapping = {}
    if sidecar and not native and config.hold_application:
        hooks["postStart"] = _command(wait_until_ready())
    # A native sidecar ends after the app, so there nobody has to wait.
    draining = Draining(seconds=0) if native else config.draining(grace_seconds)
    hooks["preStop"] = _command(drain(draining, gateway=not sidecar))
    tproxy = sidecar and overrides.interception_mode == "TPROXY"
    made |= {
        "ports": [{"containerPort": METRICS_PORT, "name": "http-envoy-prom", "protocol": "TCP"}],
        "lifecycle": hooks,
        "readinessProbe": {**_ready(15, 4), **overrides.readiness},
        "startupProbe": _ready(1, 600),
        "resources": _resources(settings, overrides),
        "securityContext": _transparent() if tproxy else _unprivileged(),
        "volumeMounts": [dict(_CONFIG_MOUNT), dict(_TOKEN_MOUNT), *(dict(one) for one in overrides.volume_mounts)],
    }
    return made


def _command(command: list[str]) -> Mapping:
    return {"exec": {"command": [*command]}}


def _ready(period: int, failures: int) -> Mapping:
    return {
        "httpGet": {"path": "/healthz/ready", "port": STATUS_PORT},
        "failureThreshold": failures,
        "periodSeconds": period,
        "timeoutSeconds": 3,
    }


def _image(image: str, settings: InjectionSettings) -> Mapping:
    return {"image": image, **({"imagePullPolicy": settings.image_pull_policy} if settings.image_pull_policy else {})}


def _proxy_image(settings: InjectionSettings, overrides: Overrides) -> str:
    """Return the image, with its variant (`distroless`, `debug`) as a part of the tag, as Envoy names its own."""
    image = overrides.image or settings.proxy_image
    if overrides.image_type and not overrides.image:
        name, colon, tag = image.rpartition(":")
        if colon and "/" not in tag:
            # Envoy's: distroless-v1.40.0, debug-v1.40.0.
            return f"{name}:{overrides.image_type}-{tag}"
    return image


def _field(name: str, path: str) -> Mapping:
    return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def _resources(settings: InjectionSettings, overrides: Overrides) -> Mapping:
    """As Istio has it: who says a part says all, so that a request is never above a limit that nobody asked for."""
    if overrides.cpu or overrides.memory or overrides.cpu_limit or overrides.memory_limit:
        requests = {"cpu": overrides.cpu, "memory": overrides.memory}
        limits = {"cpu": overrides.cpu_limit, "memory": overrides.memory_limit}
    else:
        requests = {"cpu": settings.cpu, "memory": settings.memory}
        limits = {"cpu": settings.cpu_limit, "memory": settings.memory_limit}
    made: Mapping = {}
    for name, given in (("limits", limits), ("requests", requests)):
        if kept := {key: value for key, value in given.items() if value}:
            made[name] = dict(kept)
    return made


def _unprivileged() -> Mapping:
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsGroup": USER_ID,
        "runAsNonRoot": True,
        "runAsUser": USER_ID,
    }


def _transparent() -> Mapping:
    """TPROXY: Envoy binds addresses that are not its own, which takes a capability that only root has here."""
    return _unprivileged() | {
        "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
        "runAsNonRoot": False,
        "runAsUser": 0,
    }
