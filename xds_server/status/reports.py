"""What one replica knows of the proxies that are connected to it, for the one that writes. Pure.

A replica sees its own proxies only. So each that does not lead puts its counts where the leader finds them, with the
generation of each object that they are about: a count of an earlier one says nothing of the newest.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

from translators.model.meta import ObjectKey
from xds_server.status.usage import Use
from xds_server.status.wanted import OWN_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from translators.model.origin import Diagnostic
    from translators.model.world import World
    from xds_server.sources.kubernetes.reflector import Known
    from xds_server.status.usage import Usage


class Entry(NamedTuple):
    """What a replica knows of one object."""

    generation: int
    """That its proxies are served; 0 where its World is not that of the API server."""
    use: Use
    codes: tuple[str, ...]
    """Of its diagnostics about the object; sorted."""


Report: TypeAlias = "dict[ObjectKey, Entry]"
"""Objects that no proxy of the replica uses are left out: all else the leader knows by itself."""


def report_of(
    world: World, known: Mapping[ObjectKey, Known], usage: Usage, diagnostics: Iterable[Diagnostic]
) -> Report:
    """Put together what a replica knows of the objects of the cluster."""
    codes: dict[ObjectKey, set[str]] = {}
    for diagnostic in diagnostics:
        if diagnostic.origin is not None and not diagnostic.code.startswith(OWN_CODES):
            codes.setdefault(diagnostic.origin.key, set()).add(diagnostic.code)
    found: Report = {}
    for key in sorted(usage.keys() & known.keys()):
        one = known[key]
        current = one.written is not None and one.object is not None and world.get(key) == one.object
        generation = one.written.generation if one.written is not None and current else 0
        found[key] = Entry(generation, usage[key], tuple(sorted(codes.get(key, ()))))
    return found


def together(own: Use, entries: Iterable[Entry], generation: int) -> Use:
    """Add up what the replicas know of one object, of which `generation` is the newest."""
    for entry in entries:
        own += entry.use if entry.generation == generation else Use(proxies=entry.use.proxies)
    return own


def encode(report: Report) -> bytes:
    """Return a report as bytes; the same ones for the same report."""
    return zlib.compress(msgspec.json.encode([(*key, *entry) for key, entry in report.items()]), 6)


_Line = tuple[str, str, str, int, tuple[int, int, int, str], tuple[str, ...]]
_decode_lines = msgspec.json.Decoder(list[_Line]).decode


def decode(data: bytes, limit: int = 64 << 20) -> Report:
    """Return the report that `encode` was given. Raises ValueError for anything else or more than `limit` bytes."""
    unpacker = zlib.decompressobj()
    try:
        text = unpacker.decompress(data, limit)
        lines = _decode_lines(text)
    except (zlib.error, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(str(error)) from error
    return {ObjectKey(*line[:3]): Entry(line[3], Use(*line[4]), line[5]) for line in lines}
