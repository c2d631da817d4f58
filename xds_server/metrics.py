"""Metrics, under Istio's names where the meaning is Istio's. Each server has a registry of its own; no globals.

Counters that Istio names without `_total` keep that name: people's dashboards and alerts ask for it. prometheus_client
cannot print those, so they are kept in a `Tally`. What is observed once a stream and push goes to `Times`: a
prometheus_client Histogram there costs a tenth of the push (it locks twice and walks its buckets).
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from translators.resources import SHORT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

_SECONDS: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 3, 5, 10, 20, 30)
"""Istio's buckets for pilot_proxy_convergence_time begin at 0.1 s; ours go lower, where we are."""

REFUSALS: Final = ("not ready", "shutting down", "too fast", "too many")
WRITES: Final = ("written", "conflict", "failed")
ENDINGS: Final = ("age", "no first message", "not reading")


class Tally:
    """A counter with at most one label, printed under its exact name."""

    __slots__ = ("_documentation", "_label", "_name", "_values")

    def __init__(self, name: str, documentation: str, label: str = "", values: Iterable[str] = ("",)) -> None:
        """Start at 0 for each of `values`, the label's values known from the start."""
        self._name = name
        self._documentation = documentation
        self._label = label
        self._values = dict.fromkeys(values, 0)

    def add(self, value: str = "", amount: int = 1) -> None:
        """Count."""
        self._values[value] = self._values.get(value, 0) + amount

    def get(self, value: str = "") -> int:
        """Return the count for one value of the label."""
        return self._values.get(value, 0)

    def set(self, counts: Mapping[str, int]) -> None:
        """Take over counts that were made elsewhere."""
        self._values = dict(counts)

    def exposition(self) -> str:
        """Print in Prometheus' text format."""
        lines = [f"# HELP {self._name} {self._documentation}", f"# TYPE {self._name} counter"]
        for value in sorted(self._values):
            label = f'{{{self._label}="{value}"}}' if self._label else ""
            lines.append(f"{self._name}{label} {self._values[value]}.0")
        return "\n".join(lines) + "\n"


class Times:
    """A histogram of seconds, with at most one label. For the event loop's thread alone."""

    __slots__ = ("_counts", "_documentation", "_label", "_name", "_sums")

    def __init__(self, name: str, documentation: str, label: str = "", values: Iterable[str] = ("",)) -> None:
        """Start empty for each of `values`, the label's values known from the start."""
        self._name = name
        self._documentation = documentation
        self._label = label
        self._counts = {value: [0] * (len(_SECONDS) + 1) for value in values}
        self._sums = dict.fromkeys(self._counts, 0.0)

    def observe(self, seconds: float, value: str = "") -> None:
        """Count one observation. Raises KeyError for a value of the label that was not announced."""
        self._counts[value][bisect_left(_SECONDS, seconds)] += 1
        self._sums[value] += seconds

    def counts(self) -> dict[str, int]:
        """Return how many there were, by the value of the label."""
        return {value: sum(counts) for value, counts in self._counts.items()}

    def collect(self) -> Iterator[Metric]:
        """Hand out to prometheus_client, with cumulative buckets."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=(self._label,) if self._label else ())
        names = [*(str(float(bound)) for bound in _SECONDS), "+Inf"]
        for value, counts in sorted(self._counts.items()):
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric((value,) if self._label else (), buckets, self._sums[value])
        yield family


class _Scraped:
    """A gauge, or a counter, computed when it is scraped: label values to value."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: tuple[str, ...],
        read: Callable[[], Mapping[tuple[str, ...], float]],
        family: type[GaugeMetricFamily | CounterMetricFamily],
    ) -> None:
        self._family = family
        self._name = name
        self._documentation = documentation
        self._labels = labels
        self._read = read

    def collect(self) -> Iterator[Metric]:
        family = self._family(self._name, self._documentation, labels=self._labels)
        for values, number in sorted(self._read().items()):
            family.add_metric(values, number)
        yield family


class Metrics:
    """Everything that one server measures."""

    def __init__(self, version: str = "") -> None:
        """Make the registry. `version` is what pilot_info says."""
        self.registry = CollectorRegistry(auto_describe=False)
        ProcessCollector(registry=self.registry)
        types = [short.lower() for short in SHORT.values()]
        info = Gauge("pilot_info", "Pilot version and build information.", ["version"], registry=self.registry)
        info.labels(version=version).set(1)
        self.rejects = Tally(
            "pilot_total_xds_rejects", "Responses that a proxy rejected (NACK), by type.", "type", types
        )
        self.expired_nonces = Tally(
            "pilot_xds_expired_nonce", "Requests with a nonce that was not the latest.", "type", types
        )
        self.write_timeouts = Tally("pilot_xds_write_timeout", "Streams closed because the proxy did not read.")
        self.streams_refused = Tally(
            "pilotfish_xds_streams_refused", "Streams that were not let in, by why.", "reason", REFUSALS
        )
        self.streams_ended = Tally(
            "pilotfish_xds_streams_ended", "Streams that the server ended by itself, by why.", "reason", ENDINGS
        )
        self.load_reports = Tally("pilotfish_load_reports", "Load reports (LRS) taken, one a cluster and report.")
        self.status_writes = Tally(
            "pilotfish_status_writes",
            "Statuses of objects to be written, by what came of it.",
            "result",
            WRITES,
        )
        self.internal_errors = Tally("pilot_total_xds_internal_errors", "Translations that failed.")
        self.inbound_updates = Tally(
            "pilot_inbound_updates", "Changes taken in, by what they change.", "type", ("config", "eds", "svc")
        )
        self.push_time = self._times(
            "pilot_xds_push_time", "Seconds that writing a response to a proxy takes, by type.", "type", types
        )
        self.convergence_time = self._times(
            "pilot_proxy_convergence_time", "Seconds from a change to its last response written to a proxy."
        )
        self.translation_time = self._times(
            "pilot_pushcontext_init_seconds", "Seconds to translate the World for one view."
        )
        self.debounce_time = self._times("pilot_debounce_time", "Seconds from the first change of a push to its begin.")

    def _times(self, name: str, documentation: str, label: str = "", values: Iterable[str] = ("",)) -> Times:
        times = Times(name, documentation, label, values)
        self.registry.register(times)
        return times

    def scrape(
        self,
        name: str,
        documentation: str,
        read: Callable[[], Mapping[tuple[str, ...], float]],
        labels: tuple[str, ...] = (),
        *,
        counter: bool = False,
    ) -> None:
        """Add a gauge whose values (by the values of its labels) are read when it is scraped; or a counter, which
        Prometheus knows by its name and `_total`.
        """
        family = CounterMetricFamily if counter else GaugeMetricFamily
        self.registry.register(_Scraped(name, documentation, labels, read, family))

    def exposition(self) -> bytes:
        """Print everything in Prometheus' text format."""
        pushes = Tally("pilot_xds_pushes", "Responses sent, by type.", "type")
        pushes.set(self.push_time.counts())
        tallies = (
            pushes,
            self.rejects,
            self.expired_nonces,
            self.write_timeouts,
            self.streams_refused,
            self.streams_ended,
            self.load_reports,
            self.status_writes,
            self.internal_errors,
            self.inbound_updates,
        )
        return generate_latest(self.registry) + "".join(t.exposition() for t in tallies).encode()
