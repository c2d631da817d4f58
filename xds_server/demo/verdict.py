"""What `pilotfish demo --for` concludes: the last line of its output, and whether the split is what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xds_server.demo.load import Tally

SPLIT_PATH: Final = "/product"
ROUTED_PATH: Final = "/product/v2"
EXPECTED: Final[Mapping[str, float]] = {"v1": 0.75, "v2": 0.25}
TOLERANCE: Final = 0.03
MINIMUM_REQUESTS: Final = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class Xds:
    """What the control plane counted for the demo's Envoy."""

    acks: int = 0
    nacks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The outcome of a run."""

    requests: int
    """Good answers on the path that is split."""
    split: Mapping[str, float]
    routed: Mapping[str, float]
    """The split of the path that is routed to v2."""
    errors: Mapping[str, int]
    xds: Xds
    envoy_version: str
    gateway_url: str

    @property
    def faults(self) -> list[str]:
        """What is not as it should be, a sentence each."""
        found = []
        if self.requests < MINIMUM_REQUESTS:
            found.append(f"{self.requests:,} requests on {SPLIT_PATH}, fewer than {MINIMUM_REQUESTS:,}")
        for version, expected in EXPECTED.items():
            share = self.split.get(version, 0.0)
            if abs(share - expected) > TOLERANCE:
                found.append(f"{share:.1%} of {SPLIT_PATH} went to {version}, not {expected:.0%} ± {TOLERANCE:.0%}")
        if set(self.routed) != {"v2"}:
            found.append(f"{ROUTED_PATH} was answered by {', '.join(self.routed) or 'nobody'}, not by v2 alone")
        found += [f"{count} × {error}" for error, count in sorted(self.errors.items())]
        if self.xds.nacks:
            found.append(f"Envoy refused {self.xds.nacks} xDS responses")
        return found

    def summary(self) -> dict[str, object]:
        """Return the JSON of the last line (interfaces.md)."""
        return {
            "requests": self.requests,
            "split": {version: round(share, 4) for version, share in sorted(self.split.items())},
            "errors": dict(sorted(self.errors.items())),
            "envoy_version": self.envoy_version,
            "gateway_url": self.gateway_url,
            "xds": {"acks": self.xds.acks, "nacks": self.xds.nacks},
        }


def conclude(tally: Tally, *, xds: Xds, envoy_version: str, gateway_url: str) -> Verdict:
    """Draw the verdict from what was counted."""
    return Verdict(
        requests=sum(n for (path, _), n in tally.versions.items() if path == SPLIT_PATH),
        split=tally.split(SPLIT_PATH),
        routed=tally.split(ROUTED_PATH),
        errors=dict(tally.errors),
        xds=xds,
        envoy_version=envoy_version,
        gateway_url=gateway_url,
    )
