"""From what a kernel has to what it should have: texts for `iptables-restore --noflush`, which applies each table whole
or not at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xds_server.interception.rules import OWN_CHAINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xds_server.interception.rules import Table

KERNEL_CHAINS = ("PREROUTING", "OUTPUT")


def install(wanted: Sequence[Table], saved: str = "") -> str:
    """Return what makes the kernel's tables hold `wanted`. `saved` is what `iptables-save` prints now: rules of ours
    that are there already are replaced, others' stay, so doing it twice is doing it once.
    """
    present = _parse(saved)
    parts = []
    for table in wanted:
        old = present.get(table.name, _Saved())
        # Declaring a chain of ours empties it if it is there.
        lines = [f":{chain} - [0:0]" for chain in dict.fromkeys((*table.chains, *old.own_chains()))]
        lines += [f"-D {rule}" for rule in old.jumps(table.jumps)]
        # A jump must not stand behind another's rule that ends the way: ours come first, in their order.
        lines += [f"-I {_at(rule, number)}" for rule, number in _numbered(table.jumps)]
        lines += [f"-A {rule}" for rule in table.rules]
        lines += [f"-X {chain}" for chain in old.own_chains() if chain not in table.chains]
        parts.append(_text(table.name, lines))
    unwanted = {name: old for name, old in present.items() if name not in {table.name for table in wanted}}
    return "".join(parts) + "".join(_removal(name, old, ()) for name, old in unwanted.items())


def clean_up(wanted: Sequence[Table], saved: str) -> str:
    """Return what takes all of ours out again; empty if there is nothing. Of the rules in the kernel's own chains those
    are ours that lead to chains of ours, and those that `wanted` has.
    """
    jumps = tuple(rule for table in wanted for rule in table.jumps)
    return "".join(_removal(name, old, jumps) for name, old in _parse(saved).items())


def missing(wanted: Sequence[Table], saved: str) -> tuple[str, ...]:
    """Return the rules that should be there and are not, as `table: rule`."""
    present = _parse(saved)
    lost = []
    for table in wanted:
        there = set(present[table.name].rules) if table.name in present else set()
        lost += [f"{table.name}: {rule}" for rule in (*table.jumps, *table.rules) if rule not in there]
    return tuple(lost)


class _Saved:
    """One table as `iptables-save` prints it."""

    def __init__(self) -> None:
        self.chains: list[str] = []
        self.rules: list[str] = []

    def own_chains(self) -> list[str]:
        """Return the chains of ours that are there."""
        return [chain for chain in self.chains if chain in OWN_CHAINS]

    def jumps(self, wanted: Sequence[str]) -> Iterator[str]:
        """Yield our rules in the kernel's chains."""
        for rule in self.rules:
            words = rule.split()
            leads_here = words[0] in KERNEL_CHAINS and "-j" in words and words[words.index("-j") + 1] in OWN_CHAINS
            if leads_here or rule in wanted:
                yield rule


def _parse(saved: str) -> dict[str, _Saved]:
    found: dict[str, _Saved] = {}
    table = _Saved()
    for line in saved.splitlines():
        if line.startswith("*"):
            table = found.setdefault(line[1:].strip(), _Saved())
        elif line.startswith(":"):
            table.chains.append(line[1:].split()[0])
        elif line.startswith("-A "):
            table.rules.append(line[3:].strip())
    return found


def _removal(name: str, old: _Saved, jumps: Sequence[str]) -> str:
    chains = old.own_chains()
    lines = [f"-D {rule}" for rule in old.jumps(jumps)]
    lines += [f"-F {chain}" for chain in chains] + [f"-X {chain}" for chain in chains]
    return _text(name, lines) if lines else ""


def _numbered(jumps: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each rule with its place in its chain."""
    counts: dict[str, int] = {}
    for rule in jumps:
        chain = rule.split()[0]
        counts[chain] = counts.get(chain, 0) + 1
        yield rule, counts[chain]


def _at(rule: str, number: int) -> str:
    chain, _, rest = rule.partition(" ")
    return f"{chain} {number} {rest}"


def _text(table: str, lines: Sequence[str]) -> str:
    return "\n".join((f"*{table}", *lines, "COMMIT")) + "\n"
