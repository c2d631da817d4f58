"""What lies in the configured files and folders, by one walk, and the bytes of a file. Blocking: call it in a thread.

Nothing here opens what is not a regular file, since opening a FIFO would wait for a writer for ever.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from translators.model.codes import diagnose
from translators.model.origin import Location

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from translators.model.origin import Diagnostic

SUFFIXES: Final = (".yaml", ".yml", ".json")

_COARSE: Final = 1_000_000_000
_TICKS: Final = 50_000_000


class Signature(NamedTuple):
    """A file's identity and times. Equal signatures mean equal content, but for a `recent` one."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> Signature:
        """Take the signature of a status."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def recent(self, now: int) -> bool:
        """Whether another write could follow within the same tick of the file system's clock ("racily clean").

        Linux stamps files with the time of its last tick (up to 10 ms ago); file systems that count whole seconds
        are told by their times.
        """
        return now - self.changed < (2 * _COARSE if self.changed % _COARSE == 0 else _TICKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One walk over everything configured."""

    files: Mapping[str, Signature]
    """Path, as configured and found below it, to signature. A file with two paths is here under the first."""
    failures: Mapping[str, Diagnostic]
    """Path to what is wrong there: nothing is known of what lies at or below it."""


class UnreadableError(Exception):
    """A file that cannot be read, with the diagnostic that says why."""

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic


def scan(roots: Sequence[str]) -> Scan:
    """Walk the roots (files or folders), in order of their names, whatever order the file system gives."""
    walk = _Walk()
    for root in sorted(set(roots)):
        walk.visit(root, frozenset(), root=True)
    return Scan(files=walk.files, failures=walk.failures)


class _Walk:
    __slots__ = ("_seen", "failures", "files")

    def __init__(self) -> None:
        self.files: dict[str, Signature] = {}
        self.failures: dict[str, Diagnostic] = {}
        self._seen: set[tuple[int, int]] = set()

    def visit(self, path: str, above: frozenset[tuple[int, int]], *, root: bool = False) -> None:
        """Visit everything from `path` on. `above` are the folders that it lies in."""
        pending = [(path, above, root)]
        while pending:
            path, above, root = pending.pop()
            try:
                status = os.stat(path)  # noqa: PTH116 - a Path for each file doubles the cost of a look
            except (OSError, ValueError) as error:
                self._fail(path, error, root=root)
                continue
            identity = (status.st_dev, status.st_ino)
            if identity in above:
                message = "this folder contains itself through a symlink"
                self.failures[path] = diagnose("PF0111", message, location=Location(path), hint="remove the symlink")
            elif identity in self._seen:
                continue
            elif stat.S_ISDIR(status.st_mode):
                self._seen.add(identity)
                pending += [(child, above | {identity}, False) for child in self._children(path, root=root)]
            elif root or path.endswith(SUFFIXES):
                self._seen.add(identity)
                if stat.S_ISREG(status.st_mode):
                    self.files[path] = Signature.of(status)
                else:
                    self.failures[path] = _not_regular(path)

    def _children(self, path: str, *, root: bool) -> list[str]:
        """List a folder in reverse, for a stack. Names with a dot before them are others' (`..data`, `.git`)."""
        try:
            with os.scandir(path) as entries:
                return sorted(
                    (
                        entry.path
                        for entry in entries
                        if not entry.name.startswith(".") and (entry.name.endswith(SUFFIXES) or _may_be_folder(entry))
                    ),
                    reverse=True,
                )
        except OSError as error:
            self._fail(path, error, root=root)
            return []

    def _fail(self, path: str, error: OSError | ValueError, *, root: bool) -> None:
        if isinstance(error, FileNotFoundError) and not root and not _is_link(path):
            return  # it went between being listed and being looked at
        code = "PF0108" if isinstance(error, FileNotFoundError) and root else "PF0101"
        self.failures[path] = diagnose(code, _reason(error, path), location=Location(path))


def _is_link(path: str) -> bool:
    return Path(path).is_symlink()


def _may_be_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _reason(error: OSError | ValueError, path: str) -> str:
    if isinstance(error, OSError) and error.errno == errno.ENOENT and _is_link(path):
        return "this symlink leads nowhere"
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)


def _not_regular(path: str) -> Diagnostic:
    hint = "pipes, sockets and devices are not read"
    return diagnose("PF0110", "this is not a regular file", location=Location(path), hint=hint)


def read(path: str, max_size: int) -> tuple[bytes, Signature]:
    """Return a file's content with the signature of exactly that content.

    Raises UnreadableError if it is not a regular file, is bigger than `max_size` bytes (then nothing of it is read) or
    changes while being read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError) as error:
        raise UnreadableError(diagnose("PF0101", _reason(error, path), location=Location(path))) from error
    with os.fdopen(descriptor, "rb") as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadableError(_not_regular(path))
        if before.st_size > max_size:
            raise UnreadableError(_too_large(path, before.st_size, max_size))
        try:
            data = file.read(max_size + 1)
        except OSError as error:
            raise UnreadableError(diagnose("PF0101", _reason(error, path), location=Location(path))) from error
        after = os.fstat(descriptor)
    if len(data) > max_size:
        raise UnreadableError(_too_large(path, len(data), max_size))
    if Signature.of(before) != Signature.of(after):
        message = "this file changes while it is being read"
        raise UnreadableError(diagnose("PF0101", message, location=Location(path), hint="it will be read again"))
    return data, Signature.of(after)


def _too_large(path: str, size: int, limit: int) -> Diagnostic:
    message = f"this file has {size:,} bytes, and {limit:,} is the limit"
    return diagnose("PF0102", message, location=Location(path), hint="split it, or raise --max-file-size")
