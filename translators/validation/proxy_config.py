"""Rules for Istio's ProxyConfig (reference 4, "ProxyConfig")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote
from translators.validation.names import check_workload_selector

if TYPE_CHECKING:
    from translators.model.proxy_config import ProxyConfig
    from translators.validation.findings import Findings

_IMAGES: Final = ("", "default", "debug", "distroless")


def check_proxy_config(found: Findings, config: ProxyConfig) -> None:
    """Check one ProxyConfig."""
    spec = config.spec
    if spec.selector is not None:
        check_workload_selector(found, "spec.selector", spec.selector.match_labels, field="matchLabels")
    if spec.concurrency is not None and spec.concurrency < 0:
        found.add("PF1201", "spec.concurrency", f"{spec.concurrency} is negative", "write 0 for one worker per core")
    if spec.image is not None and spec.image.image_type not in _IMAGES:
        found.add(
            "PF1202",
            "spec.image.imageType",
            f"{quote(spec.image.image_type)} is no variant of the image",
            f"write one of {', '.join(_IMAGES[1:])}",
        )
