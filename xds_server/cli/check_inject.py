"""`pilotfish check-inject`: why a pod has an Envoy, or has none, and whether its traffic goes through it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, cast

import click
import msgspec
import yaml

from xds_server.cli.cluster_options import cluster_options
from xds_server.cli.inject import read_file
from xds_server.injection.explanation import Explanation, about_webhooks, explain
from xds_server.injection.text import documents, read
from xds_server.injection.workloads import template_of
from xds_server.kube_api import KubeApi, KubeApiError, KubeConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from xds_server.injection.settings import Mapping

_CONFIGURATION: Final = "pilotfish-sidecar-injector"
_WEBHOOKS: Final = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
_NOT_FOUND: Final = 404


@click.command()
@click.argument("pod", required=False)
@click.option("-f", "--filename", "file", metavar="FILE", help="Pods and workloads of a file instead; -: stdin.")
@click.option("-n", "--namespace", default="default", show_default=True, help="Of the pod, or of what names none.")
@click.option(
    "--revision", default="default", show_default=True, envvar="PILOTFISH_REVISION", help="Which istio.io/rev."
)
@cluster_options()
def command(
    pod: str | None, file: str | None, namespace: str, revision: str, kubeconfig: Path | None, context: str | None
) -> None:
    r"""Say in words why a pod was or was not injected, and whether its traffic is intercepted.

    \b
    pilotfish check-inject reviews-5d8f-abcde -n shop
    pilotfish check-inject -f deployment.yaml

    For a file, labels of namespaces count where the file holds those Namespaces. The exit status is 1 if one of the
    pods is not injected.
    """
    if (pod is None) == (file is None):
        msg = "say which pod (POD), or which file (-f FILE)"
        raise click.UsageError(msg)
    if file is not None:
        found = list(_of_file(read_file(file), namespace, revision))
        if not found:
            msg = f"{file} holds no pod and no workload"
            raise click.ClickException(msg)
    else:
        try:
            found = [asyncio.run(_of_cluster(cast("str", pod), namespace, revision, kubeconfig, context))]
        except (KubeApiError, KubeConfigError) as error:
            raise click.ClickException(str(error)) from error
    for title, explanation in found:
        click.echo(f"{title}:")
        for line in explanation.lines:
            click.echo(f"  - {line}")
    if not all(explanation.injected for _, explanation in found):
        raise click.exceptions.Exit(1)


def _of_file(text: str, namespace: str, revision: str) -> Iterator[tuple[str, Explanation]]:
    objects: list[Mapping] = []
    for document in documents(text):
        try:
            tree = read(document)
        except yaml.YAMLError as error:
            raise click.ClickException(" ".join(str(error).split())) from error
        if isinstance(tree, dict):
            items = tree.get("items")
            objects += [one for one in items if isinstance(one, dict)] if isinstance(items, list) else [tree]
    known = {_name(one): _labels(one) for one in objects if one.get("kind") == "Namespace"}
    for one in objects:
        template = template_of(one)
        if template is None:
            continue
        where = _meta(one).get("namespace") or namespace
        explanation = explain(
            template,
            namespace=str(where),
            namespace_labels=known.get(str(where)),
            revision=revision,
            running=False,
        )
        yield f"{one['kind']} {where}/{_name(one)}", explanation


async def _of_cluster(
    pod: str, namespace: str, revision: str, kubeconfig: Path | None, context: str | None
) -> tuple[str, Explanation]:
    async with KubeApi.connect(kubeconfig=kubeconfig, context=context) as api:
        found = await _get(api, f"/api/v1/namespaces/{namespace}/pods/{pod}")
        if found is None:
            msg = f"there is no pod {namespace}/{pod}"
            raise click.ClickException(msg)
        place = await _get(api, f"/api/v1/namespaces/{namespace}")
        webhooks = about_webhooks(await _get(api, f"{_WEBHOOKS}/{_CONFIGURATION}"), _CONFIGURATION)
    labels = _labels(place) if place is not None else {}
    explanation = explain(found, namespace=namespace, namespace_labels=labels, revision=revision)
    return f"Pod {namespace}/{pod}", explanation._replace(lines=(*explanation.lines, webhooks))


async def _get(api: KubeApi, path: str) -> Mapping | None:
    try:
        found: Any = msgspec.json.decode(await api.request("GET", path))
    except KubeApiError as error:
        if error.status != _NOT_FOUND:
            raise
        return None
    return cast("Mapping", found)


def _meta(tree: Mapping) -> Mapping:
    found = tree.get("metadata")
    return found if isinstance(found, dict) else {}


def _name(tree: Mapping) -> str:
    return str(_meta(tree).get("name") or _meta(tree).get("generateName") or "")


def _labels(tree: Mapping) -> dict[str, str]:
    found = _meta(tree).get("labels")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
