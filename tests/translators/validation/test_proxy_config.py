"""ProxyConfig: what validation says about each mistake."""

from __future__ import annotations

import pytest

from tests.translators.validation.cases import Case, case, load, said

ROWS = (
    case("all of it", "{concurrency: 0, environmentVariables: {A: b}, image: {imageType: debug}}"),
    case("negative workers", "{concurrency: -1}", "PF1201 spec.concurrency"),
    case("an unknown image", "{image: {imageType: tiny}}", "PF1202 spec.image.imageType"),
    case("an empty selector", "{selector: {}}", "PF0283 spec.selector"),
    case("a wildcard", "{selector: {matchLabels: {a: '*'}}}", "PF0282 spec.selector.matchLabels"),
)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_proxy_config(row: Case) -> None:
    config = load("ProxyConfig", f"spec: {row.snippet}", version="networking.istio.io/v1beta1")
    assert said(config) == row.expected
