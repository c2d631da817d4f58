"""Rules for the loadBalancer block of a traffic policy (reference 4, "DestinationRule")."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from translators.validation.findings import quote
from translators.validation.values import check_duration, is_token

if TYPE_CHECKING:
    from translators.model.destination_rule import (
        ConsistentHashLB,
        Distribute,
        Failover,
        LoadBalancerSettings,
        LocalityLoadBalancerSetting,
        WarmupConfiguration,
    )
    from translators.validation.findings import Findings

_LARGEST_TABLE: Final = 5_000_011
"""Envoy's limit of Maglev's table_size; it must also be prime."""
_ALL: Final = 100
_MOST_PARTS: Final = 3


def check_load_balancer(found: Findings, path: str, balancer: LoadBalancerSettings, *, outlier_detection: bool) -> None:
    """Check how an endpoint is chosen. `outlier_detection`: whether the same policy has that block."""
    if balancer.consistent_hash is not None:
        if balancer.simple is not None:
            found.add("PF0525", f"{path}.consistentHash", "consistentHash does not go with simple", "keep one of them")
        _check_hash(found, f"{path}.consistentHash", balancer.consistent_hash)
    if balancer.locality_lb_setting is not None:
        check_locality(
            found, f"{path}.localityLbSetting", balancer.locality_lb_setting, outlier_detection=outlier_detection
        )
    check_duration(found, "PF0540", f"{path}.warmupDurationSecs", balancer.warmup_duration_secs)
    if balancer.warmup is not None:
        _check_warmup(found, f"{path}.warmup", balancer.warmup)
        if balancer.consistent_hash is not None or balancer.simple in {"RANDOM", "PASSTHROUGH"}:
            found.add(
                "PF0541",
                f"{path}.warmup",
                "warmup has an effect with ROUND_ROBIN and LEAST_REQUEST only",
                "choose one of these, or remove warmup",
            )


def _check_hash(found: Findings, path: str, hashed: ConsistentHashLB) -> None:
    keys = {
        "httpHeaderName": bool(hashed.http_header_name),
        "httpCookie": hashed.http_cookie is not None,
        "useSourceIp": hashed.use_source_ip,
        "httpQueryParameterName": bool(hashed.http_query_parameter_name),
    }
    given = [name for name, present in keys.items() if present]
    if not given:
        found.add(
            "PF0523",
            path,
            "there is nothing to hash, so requests go to any endpoint",
            f"add one of {', '.join(keys)}",
        )
    elif len(given) > 1:
        found.add("PF0524", path, f"the hash has {' and '.join(given)}", f"keep one, such as {given[0]}")
    if hashed.http_header_name and not is_token(hashed.http_header_name):
        found.add(
            "PF0526",
            f"{path}.httpHeaderName",
            f"{quote(hashed.http_header_name)} is not the name of a header",
            'write the name as it is sent, such as "x-user"',
        )
    if hashed.http_cookie is not None:
        if not hashed.http_cookie.name:
            found.add("PF0520", f"{path}.httpCookie.name", "the cookie has no name", "name the cookie")
        check_duration(found, "PF0511", f"{path}.httpCookie.ttl", hashed.http_cookie.ttl, zero=True)
    rings = {
        "ringHash": hashed.ring_hash is not None,
        "maglev": hashed.maglev is not None,
        "minimumRingSize": bool(hashed.minimum_ring_size),
    }
    sizes = [name for name, present in rings.items() if present]
    if len(sizes) > 1:
        found.add("PF0522", f"{path}.{sizes[1]}", f"{sizes[1]} does not go with {sizes[0]}", "keep one of them")
    if hashed.maglev is not None and (size := hashed.maglev.table_size):
        if size > _LARGEST_TABLE:
            found.add(
                "PF0521", f"{path}.maglev.tableSize", f"{size} is above {_LARGEST_TABLE}", "write a smaller prime"
            )
        elif not is_prime(size):
            found.add(
                "PF0521", f"{path}.maglev.tableSize", f"{size} is not a prime number", "write a prime, such as 65537"
            )


@lru_cache(maxsize=256)
def is_prime(number: int) -> bool:
    """Whether a number is prime; for numbers of the size of a Maglev table."""
    if number < 2:
        return False
    return all(number % divisor for divisor in range(2, int(number**0.5) + 1))


def _check_warmup(found: Findings, path: str, warmup: WarmupConfiguration) -> None:
    if warmup.duration is None:
        found.add("PF0540", f"{path}.duration", "the warmup has no duration", "add duration, such as 60s")
    check_duration(found, "PF0540", f"{path}.duration", warmup.duration)
    if warmup.minimum_percent is not None and not 0 <= warmup.minimum_percent <= _ALL:
        found.add(
            "PF0540",
            f"{path}.minimumPercent",
            f"{warmup.minimum_percent} is not a percentage",
            "write a number from 0 to 100",
        )
    if warmup.aggression is not None and not warmup.aggression >= 1:
        found.add("PF0540", f"{path}.aggression", f"{warmup.aggression} is below 1", "write 1.0 (linear) or more")


def check_locality(
    found: Findings, path: str, setting: LocalityLoadBalancerSetting, *, outlier_detection: bool
) -> None:
    """Check how localities are preferred. `outlier_detection`: whether anything finds out that endpoints fail."""
    if setting.distribute and (setting.failover or setting.failover_priority):
        other = "failover" if setting.failover else "failoverPriority"
        found.add("PF0530", f"{path}.{other}", f"{other} does not go with distribute", "keep one of them")
    for index, distribute in enumerate(setting.distribute):
        _check_distribute(found, f"{path}.distribute[{index}]", distribute)
    _check_overlaps(found, f"{path}.distribute", [d.from_ for d in setting.distribute])
    for index, failover in enumerate(setting.failover):
        _check_failover(found, f"{path}.failover[{index}]", failover)
    if (setting.failover or setting.failover_priority) and not outlier_detection:
        found.add(
            "PF0534",
            path,
            "without outlierDetection no endpoint counts as failed, so nothing fails over",
            "add outlierDetection to the same policy",
        )


def _check_distribute(found: Findings, path: str, distribute: Distribute) -> None:
    _check_place(found, f"{path}.from", distribute.from_)
    total = sum(distribute.to.values())
    if total != _ALL:
        found.add("PF0531", f"{path}.to", f"the weights add up to {total}, not {_ALL}", "write shares of 100")
    for place, weight in sorted(distribute.to.items()):
        _check_place(found, f"{path}.to", place)
        if not weight:
            found.add("PF0531", f"{path}.to", f"{quote(place)} has the weight 0", "leave the locality out")
    _check_overlaps(found, f"{path}.to", sorted(distribute.to))


def _check_place(found: Findings, path: str, place: str) -> None:
    parts = place.split("/")
    bad = not all(parts) or len(parts) > _MOST_PARTS or any("*" in p and p != "*" for p in parts) or "*" in parts[:-1]
    if bad:
        found.add(
            "PF0532",
            path,
            f"{quote(place)} is not a locality" if place else "the locality is missing",
            'write "region/zone/subzone", "region/zone/*", "region/*" or "*"',
        )


def _check_overlaps(found: Findings, path: str, places: list[str]) -> None:
    stems = sorted(p.removesuffix("*").rstrip("/") for p in places)
    for first, second in pairwise(stems):
        if second == first or not first or second.startswith(f"{first}/"):
            found.add("PF0532", path, f"{quote(first or '*')} overlaps {quote(second or '*')}", "keep one of them")
            return


def _check_failover(found: Findings, path: str, failover: Failover) -> None:
    for name, region in (("from", failover.from_), ("to", failover.to)):
        if not region or "*" in region or "/" in region:
            found.add(
                "PF0533",
                f"{path}.{name}",
                f"{quote(region)} is not a region" if region else "the region is missing",
                "write a region's name, without zone and without wildcard",
            )
    if failover.from_ and failover.from_ == failover.to:
        found.add("PF0533", f"{path}.to", f"{quote(failover.to)} is also the region that fails", "name another region")
