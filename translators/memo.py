"""Memoised steps: a step is a pure function, and its key is the identity of its arguments.

Objects keep their identity from one World to the next as long as their content is the same, so a change costs what it
touches and there is no invalidation code to get wrong. What makes it right: the table holds strong references to the
arguments (an `id()` is reused after collection), and an entry unused for a whole pass is dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from translators.recorder import SILENT, Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

R = TypeVar("R")

_BY_VALUE = frozenset({str, int, bool, float, type(None)})


class Steps(Protocol):
    """How a translator calls a step: memoised on the serving path, with a recorder when origins are wanted."""

    def step(self, function: Callable[..., R], /, *arguments: object) -> R:
        """Call `function(*arguments, recorder=...)`, or return what it returned for these very arguments.

        Arguments are told apart by identity, but for str, int, float, bool and None, which are by value. Pass the
        elements of a tuple one by one if the tuple itself is made anew each time.
        """
        ...


def _key(function: Callable[..., object], arguments: tuple[object, ...]) -> Hashable:
    return (function, *[a if type(a) in _BY_VALUE else id(a) for a in arguments])


class Memo:
    """The table of the serving path. It lives two passes: what a whole pass did not use is forgotten by `turn`."""

    __slots__ = ("_new", "_old", "fresh")

    def __init__(self) -> None:
        """Start empty."""
        self._old: dict[Hashable, tuple[tuple[object, ...], object]] = {}
        self._new: dict[Hashable, tuple[tuple[object, ...], object]] = {}
        self.fresh = 0
        """By how many results the table has grown since the last `turn`."""

    def step(self, function: Callable[..., R], /, *arguments: object) -> R:
        """See `Steps.step`."""
        key = (function, *[a if type(a) in _BY_VALUE else id(a) for a in arguments])  # as in `_key`, without a call
        hit = self._new.get(key)
        if hit is None:
            hit = self._old.get(key) if self._old else None
            if hit is None:
                self.fresh += 1
                hit = (arguments, function(*arguments, recorder=SILENT))
            self._new[key] = hit
        return hit[1]  # type: ignore[return-value] # the key holds the function, whose result this is

    def turn(self) -> None:
        """End a pass over the whole World: drop what neither this pass nor the one before it used."""
        self._old, self._new = self._new, {}
        self.fresh = 0

    def forget(self, keys: Iterable[Hashable]) -> None:
        """Drop results that nobody will ask for again. If somebody does, they are made once more."""
        for key in keys:
            if self._new.pop(key, None) is not None:
                self.fresh -= 1


class Traced:
    """A Memo's steps, with a note of which were asked for."""

    __slots__ = ("_memo", "keys")

    def __init__(self, memo: Memo) -> None:
        """Begin with none."""
        self._memo = memo
        self.keys: set[Hashable] = set()
        """What `Memo.forget` takes."""

    def step(self, function: Callable[..., R], /, *arguments: object) -> R:
        """See `Steps.step`."""
        self.keys.add(_key(function, arguments))
        return self._memo.step(function, *arguments)


class Recording:
    """Runs every step anew with a recorder, for whoever asks where each part of a message comes from."""

    __slots__ = ()

    def step(self, function: Callable[..., R], /, *arguments: object) -> R:
        """See `Steps.step`; nothing is remembered."""
        return function(*arguments, recorder=Recorder())
