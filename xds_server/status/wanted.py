"""What an object's status should say: what is known of the object in, a condition and messages out. Pure.

The condition and the messages are Istio's: https://istio.io/latest/docs/reference/config/config-status/
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from translators.model.codes import CODES
from translators.model.origin import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from translators.model.meta import KubeObject
    from translators.model.origin import Diagnostic
    from xds_server.sources.kubernetes.reflector import Known
    from xds_server.status.usage import Use

Reason = Literal["UpToDate", "NotUsed", "Propagating", "Rejected", "Invalid", "Shadowed"]

OWN_CODES: Final = "PF013"
"""What our diagnostics about writing statuses begin with: said in a status, they would change what they are about."""

_LONGEST: Final = 500
"""Characters of a message: an Envoy's error may hold a whole resource."""


class Message(NamedTuple):
    """One of `status.validationMessages` (Istio's AnalysisMessageBase)."""

    code: str
    level: Literal["ERROR", "WARNING", "INFO"]

    @property
    def name(self) -> str:
        """What the code means."""
        return CODES[self.code].title


class Wanted(NamedTuple):
    """What one object's status should say."""

    reconciled: bool
    """Whether every connected proxy that uses the object has accepted what was made from this generation."""
    reason: Reason
    message: str
    generation: int
    messages: tuple[Message, ...]
    """Sorted by code; each code once."""


def wanted_status(
    known: Known,
    serving: KubeObject | None,
    use: Use,
    diagnostics: Sequence[Diagnostic],
    codes: Iterable[str] = (),
) -> Wanted | None:
    """Return what an object's status should say; None while its newest version is on its way to the proxies' World.

    `known` is the object as the API server has it, `serving` as the World that is served has it, and `diagnostics` are
    those about the object; `codes` are those of other replicas' diagnostics.
    """
    if known.written is None:
        return None
    generation, messages = known.written.generation, messages_of(diagnostics, codes)
    if known.object is None or serving != known.object:
        if shadowed := next((d for d in diagnostics if d.code == "PF0902"), None):
            return Wanted(False, "Shadowed", _short(shadowed.message), generation, messages)  # noqa: FBT003 - a status
        errors = [d for d in diagnostics if d.severity is Severity.ERROR]
        if not errors:
            return None
        meanwhile = "; an earlier version is served" if serving is not None else ""
        text = f"{errors[0].code}: {_short(errors[0].message)}{meanwhile}"
        return Wanted(False, "Invalid", text, generation, messages)  # noqa: FBT003 - a status
    if not use.proxies:
        return Wanted(True, "NotUsed", "no connected proxy uses it", generation, messages)  # noqa: FBT003 - a status
    text = f"{use.up_to_date}/{use.proxies} proxies up to date"
    if use.rejected:
        text += f"; {use.rejected} rejected it: {_short(use.error)}"
        return Wanted(False, "Rejected", text, generation, messages)  # noqa: FBT003 - a status
    done = use.up_to_date == use.proxies
    return Wanted(done, "UpToDate" if done else "Propagating", text, generation, messages)


def messages_of(diagnostics: Iterable[Diagnostic], codes: Iterable[str] = ()) -> tuple[Message, ...]:
    """Return diagnostics as Istio's analysis messages, which have a code and a level but no text: each code once."""
    worst = {code: CODES[code].severity for code in codes if code in CODES}
    for diagnostic in diagnostics:
        code, severity = diagnostic.code, diagnostic.severity
        if not code.startswith(OWN_CODES):
            worst[code] = min(worst.get(code, severity), severity, key=_ORDER.index)
    return tuple(Message(code, _LEVELS[worst[code]]) for code in sorted(worst))


_LEVELS: Final[dict[Severity, Literal["ERROR", "WARNING", "INFO"]]] = {
    Severity.ERROR: "ERROR",
    Severity.WARNING: "WARNING",
    Severity.INFO: "INFO",
}
_ORDER: Final = tuple(_LEVELS)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
