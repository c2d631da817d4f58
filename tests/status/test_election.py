"""The election, without an API server: candidates on one Lease, under any order of steps."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from xds_server.status.election import Election, Lease


def bid(candidate: Election, lease: Lease | None, now: float) -> Lease | None:
    candidate.saw(lease, now)
    return candidate.bid(now, f"{now}")


def test_the_first_one_makes_it() -> None:
    one = Election("a", 15)
    assert bid(one, None, 5.0) == Lease("a", 15, "5.0", "5.0", 0)
    assert not one.leads(5.0), "before the server has taken it"


def test_it_leads_until_two_thirds_of_the_duration_after_it_asked() -> None:
    one = Election("a", 15)
    made = bid(one, None, 0.0)
    assert made is not None
    one.wrote(made, 0.0)
    assert one.leads(9.9)
    assert not one.leads(10.0)
    renewed = one.bid(5.0, "5.0")
    assert renewed == made._replace(renewed="5.0")
    one.wrote(renewed, 5.0)
    assert one.leads(14.9)


def test_another_one_waits_by_its_own_clock() -> None:
    lease = Lease("a", 15, "whenever", "2001-01-01", 3)
    other = Election("b", 15)
    assert bid(other, lease, 100.0) is None
    assert bid(other, lease, 114.9) is None
    assert bid(other, lease._replace(renewed="2001-01-02"), 115.0) is None, "it was renewed"
    assert bid(other, lease._replace(renewed="2001-01-02"), 129.9) is None
    assert bid(other, lease._replace(renewed="2001-01-02"), 130.0) == Lease("b", 15, "130.0", "130.0", 4)


def test_what_was_released_is_taken_at_once() -> None:
    one, other = Election("a", 15), Election("b", 15)
    made = bid(one, None, 0.0)
    assert made is not None
    one.wrote(made, 0.0)
    released = one.release("1.0")
    assert released == made._replace(holder="", seconds=1, renewed="1.0")
    assert not one.leads(1.0)
    assert other.release("1.0") is None, "it is not its own"
    assert bid(other, released, 1.0) == Lease("b", 15, "1.0", "1.0", 1)


def test_it_stops_when_it_sees_that_another_one_holds_it() -> None:
    one = Election("a", 15)
    made = bid(one, None, 0.0)
    assert made is not None
    one.wrote(made, 0.0)
    one.saw(made._replace(holder="b"), 1.0)
    assert not one.leads(1.0)


STEP = st.tuples(st.integers(0, 2), st.sampled_from(["look", "bid", "lost", "release"]), st.floats(0.0, 8.0))


@given(st.lists(STEP, max_size=60), st.tuples(*[st.floats(-1e6, 1e6)] * 3))
def test_never_two_at_a_time(steps: list[tuple[int, str, float]], clocks: tuple[float, float, float]) -> None:
    """Each candidate has a clock of its own; `lost`: a write that the server took, and whose answer got lost."""
    candidates = [Election(name, 15) for name in "abc"]
    stored: Lease | None = None
    version, seen, now = 0, [0, 0, 0], 0.0
    for index, what, pause in steps:
        now += pause
        own, one = now + clocks[index], candidates[index]
        if what == "look":
            one.saw(stored, own)
            seen[index] = version
        elif what == "release":
            released = one.release(f"{now}")
            if released is not None and seen[index] == version:
                stored, version = released, version + 1
                seen[index] = version
        else:
            made = one.bid(own, f"{now}")
            if made is not None and seen[index] == version:
                stored, version = made, version + 1
                if what == "bid":
                    one.wrote(made, own)
                    seen[index] = version
        leading = [c.identity for c, clock in zip(candidates, clocks, strict=True) if c.leads(now + clock)]
        assert len(leading) < 2, leading
