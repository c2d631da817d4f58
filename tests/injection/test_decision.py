from __future__ import annotations

import pytest

from xds_server.injection.decision import INJECT, STATUS, Candidate, decide

ENABLED = {"istio-injection": "enabled"}
CASES = {
    "a namespace that asks": (Candidate(namespace="a", namespace_labels=ENABLED), True, "istio-injection=enabled"),
    "a namespace that does not": (Candidate(namespace="a", namespace_labels={}), False, "neither"),
    "a disabled namespace": (
        Candidate(namespace="a", namespace_labels={"istio-injection": "disabled"}, labels={INJECT: "true"}),
        False,
        "istio-injection=disabled",
    ),
    "a pod that asks": (Candidate(namespace="a", namespace_labels={}, labels={INJECT: "true"}), True, "label"),
    "an annotation is not seen by a selector": (
        Candidate(namespace="a", namespace_labels={}, annotations={INJECT: "true"}),
        False,
        "neither",
    ),
    "a label goes before an annotation": (
        Candidate(namespace="a", labels={INJECT: "true"}, annotations={INJECT: "false"}),
        True,
        "label",
    ),
    "a pod that refuses": (
        Candidate(namespace="a", namespace_labels=ENABLED, annotations={INJECT: "false"}),
        False,
        "annotation",
    ),
    "the host's network": (
        Candidate(namespace="a", namespace_labels=ENABLED, labels={INJECT: "true"}, host_network=True),
        False,
        "host's network",
    ),
    "the cluster's own": (Candidate(namespace="kube-system", namespace_labels=ENABLED), False, "kube-system"),
    "injected already": (Candidate(namespace="a", annotations={STATUS: "{}"}), False, "already"),
    "offline": (Candidate(namespace="a"), True, "nothing speaks against it"),
    "another revision": (Candidate(namespace="a", namespace_labels={"istio.io/rev": "canary"}), False, "rev=canary"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_decision_and_its_reason(case: str) -> None:
    pod, inject, words = CASES[case]
    decision = decide(pod)
    assert (decision.inject, words in decision.reason) == (inject, True), decision


def test_a_revision_takes_its_own_and_leaves_the_default_to_the_default() -> None:
    canary = {"istio.io/rev": "canary"}
    assert decide(Candidate(namespace="a", namespace_labels=canary), "canary").inject
    assert decide(Candidate(namespace="a", namespace_labels={}, labels=canary), "canary").inject
    assert not decide(Candidate(namespace="a", namespace_labels=ENABLED | canary), "canary").inject
