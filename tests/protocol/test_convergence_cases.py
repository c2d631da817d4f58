"""Sequences that the convergence test has found once: each ends as any other does (see `Convergence.teardown`)."""

from __future__ import annotations

from tests.protocol.client import INVALID
from tests.protocol.test_convergence import Convergence
from translators.resources import CLUSTER, ENDPOINT, LISTENER

SOTW, DELTA, BOTH = 0, 1, 2


def begun() -> Convergence:
    state = Convergence()
    state.start()
    return state


def test_what_goes_while_it_waits_for_its_trial() -> None:
    """Endpoints were sent together with bad ones, may have been applied, and are served no more."""
    state = begun()
    state.put_endpoints(name="c2", content="1", bad=False)
    state.push(which=SOTW, successor=False, turn=False)
    state.remove(type_url=ENDPOINT, index=1)
    for name in ("c2", "c3"):
        state.put_cluster(name=name, content="1", bad=False)
    state.server_reads(which=SOTW, count=1)
    state.put_endpoints(name="c3", content="1", bad=True)
    state.push(which=SOTW, successor=False, turn=False)
    state.teardown()


def test_a_missing_secret_beside_a_bad_one_that_nobody_wants_any_more() -> None:
    state = begun()
    state.put_listener(name="l1", content="1", routes=set(), secrets={"s1"}, bad=False)
    state.server_reads(which=DELTA, count=2)
    state.put_listener(name="l2", content="1", routes=set(), secrets={"s2"}, bad=False)
    state.push(which=DELTA, successor=False, turn=False)
    state.put_secret(name="s1", content="1", bad=True)
    state.put_listener(name="l1", content="1", routes=set(), secrets=set(), bad=False)
    state.push(which=BOTH, successor=False, turn=False)
    state.teardown()


def test_a_removal_in_a_response_that_could_not_be_decoded() -> None:
    state = begun()
    state.put_listener(name="l1", content="1", routes=set(), secrets=set(), bad=False)
    state.push(which=BOTH, successor=False, turn=False)
    state.settle()
    state.remove(type_url=LISTENER, index=0)
    state.put_listener(name="l3", content=INVALID, routes=set(), secrets=set(), bad=True)
    state.push(which=BOTH, successor=False, turn=False)
    state.teardown()


def test_what_a_rejected_response_brought_is_not_held_after_a_later_one() -> None:
    """A cluster came with one that could not be decoded, was changed for a bad one meanwhile, and comes back."""
    state = begun()
    state.server_reads(which=DELTA, count=1)
    state.put_cluster(name="c1", content="1", bad=False)
    state.put_cluster(name="c2", content=INVALID, bad=True)
    state.push(which=DELTA, successor=False, turn=False)
    state.put_cluster(name="c2", content="1", bad=False)
    state.push(which=DELTA, successor=False, turn=False)
    state.put_cluster(name="c1", content="1", bad=True)
    state.push(which=DELTA, successor=False, turn=False)
    state.put_cluster(name="c1", content="1", bad=False)
    state.teardown()


def test_a_version_whose_ack_was_lost_with_the_connection() -> None:
    """When what follows it is rejected, the server goes back to the one before, of which it knows."""
    state = begun()
    state.put_listener(name="l1", content="1", routes=set(), secrets=set(), bad=False)
    state.push(which=DELTA, successor=False, turn=False)
    state.settle()
    state.put_listener(name="l1", content="1", routes=set(), secrets={"s1"}, bad=False)
    state.push(which=DELTA, successor=False, turn=False)
    state.put_listener(name="l1", content="1", routes=set(), secrets=set(), bad=True)
    state.client_reads(which=DELTA, count=1)
    state.reconnect(which=DELTA)
    state.push(which=SOTW, successor=False, turn=False)
    state.teardown()


def test_a_cluster_that_warms_while_it_is_taken_away_in_a_response_that_is_rejected() -> None:
    """The answer to its endpoints' request must come: until then nothing is said about clusters."""
    state = begun()
    state.put_cluster(name="c3", content="1", bad=False)
    state.server_reads(which=SOTW, count=1)
    state.push(which=SOTW, successor=False, turn=False)
    state.put_cluster(name="c2", content=INVALID, bad=True)
    state.put_cluster(name="c1", content="1", bad=False)
    state.remove(type_url=CLUSTER, index=2)
    state.push(which=SOTW, successor=False, turn=False)
    state.teardown()
