"""The conformance checklist as a table: what a server must do, and the tests that hold each rule.

Tests belong to a rule by their name (`test_rule_8_and_35_…`), or because the rule lists them. `conformance_page` makes
docs/xds-conformance.md of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

BOTH: Final = ("sotw", "delta")
SOTW: Final = ("sotw",)
DELTA: Final = ("delta",)
EACH: Final = ("CDS", "LDS", "EDS", "RDS", "SDS", "ECDS")
WHOLE: Final = ("CDS", "LDS")
PART: Final = ("EDS", "RDS", "SDS", "ECDS")

ADS: Final = "tests/transport/test_ads.py"
CONVERGENCE: Final = "tests/protocol/test_convergence.py::TestConvergence"
THREE: Final = "tests/protocol/test_three_clients.py::TestThreeClients"
HARNESS: Final = "tests/transport/test_xds_test_harness.py"
LIFECYCLE: Final = "tests/envoy/test_lifecycle.py"
LIMITS: Final = "tests/transport/test_limits.py"
RULES: Final = "tests/protocol/test_rules.py"
SAME: Final = "tests/envoy/test_same_everywhere.py::test_offline_served_and_held_are_the_same"
SERVICES: Final = "tests/transport/test_services.py"
SUBSCRIPTION: Final = "tests/protocol/test_subscription.py"


class Rule(NamedTuple):
    """One rule. `variants` and `types` say for which its tests must exist; without tests, `why` says why."""

    number: int
    says: str
    variants: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    """Beside those whose names begin with `test_rule_<number>`."""
    why: str = ""
    """What was decided, where the rule leaves a choice, is about clients, or is not followed."""


SECTIONS: Final[Mapping[str, tuple[Rule, ...]]] = {
    "State of the world, and what holds for both": (
        Rule(1, "The first request of a type is answered with all that exists of what it asks for.", BOTH, EACH),
        Rule(2, "Every response has a nonce, and no nonce comes twice on a stream.", BOTH, EACH),
        Rule(3, "The version of a type changes when its content does, and only then.", BOTH, EACH),
        Rule(
            4,
            "A client that comes back with a version is sent its configuration again, never a part of it.",
            SOTW,
            EACH,
            why="Saving the answer is allowed where nothing was added; we always send it.",
        ),
        Rule(5, "An ACK is not answered.", BOTH, EACH),
        Rule(6, "`error_detail` makes a NACK; it is not answered with the same again.", BOTH, EACH),
        Rule(7, "A NACK counts as one even if the version has not changed.", BOTH, EACH),
        Rule(
            8,
            "An old nonce answers nothing, but the names that come with it count.",
            BOTH,
            EACH,
            why="The specification drops such a request; names are never dropped here, so none can be starved.",
        ),
        Rule(9, "Requests that follow each other without a nonce, before any answer, all count.", BOTH, EACH),
        Rule(10, "A nonce of an earlier stream in the first request of a type means nothing.", BOTH, EACH),
        Rule(11, "Of a burst of requests only the last needs an answer; every name in it gets one.", BOTH, EACH),
        Rule(12, "Not every request is answered.", BOTH, EACH),
        Rule(13, "Nothing is sent when nothing has changed for this client.", BOTH, why="All types in one test."),
        Rule(
            14,
            "Clusters and listeners come whole: a response has all that is subscribed to.",
            SOTW,
            WHOLE,
            tests=(
                f"{HARNESS}::test_a_wildcard_brings_updates",
                f"{HARNESS}::test_a_named_cluster_or_listener_changes",
            ),
        ),
        Rule(
            15,
            "The other types may come in part: a response has what changed.",
            SOTW,
            PART,
            tests=(f"{HARNESS}::test_a_named_route_or_assignment_changes",),
        ),
        Rule(16, "What is deleted goes by being left out (clusters, listeners) or with its parent.", SOTW, EACH),
        Rule(17, "No resource comes twice in a response.", BOTH, EACH, (CONVERGENCE,)),
        Rule(18, "Only what was asked for is sent.", BOTH, EACH, (CONVERGENCE,)),
        Rule(19, "A name that is asked for newly is sent, even if it has not changed.", BOTH, EACH),
        Rule(
            20,
            "A name that is left out of the list (SotW) or withdrawn (delta) is not sent any more.",
            BOTH,
            EACH,
            tests=(
                f"{HARNESS}::test_unsubscribing_from_some_clusters_or_listeners",
                f"{HARNESS}::test_unsubscribing_from_some_routes_or_assignments",
            ),
        ),
        Rule(
            21,
            "Withdrawing the last name leaves nothing subscribed to; it is not a wildcard.",
            BOTH,
            EACH,
            tests=(f"{HARNESS}::test_unsubscribing_from_everything",),
        ),
        Rule(
            22,
            "A first request without names asks for everything, for clusters and listeners.",
            BOTH,
            WHOLE,
            (f"{SUBSCRIPTION}::test_sotw_table",),
        ),
        Rule(23, "`*` asks for everything, alone or beside names.", BOTH, WHOLE, (f"{SUBSCRIPTION}::test_sotw_table",)),
        Rule(
            24,
            "Wildcard, names and nothing follow each other as in the specification's example.",
            SOTW,
            WHOLE,
            (f"{SUBSCRIPTION}::test_sotw_table",),
        ),
        Rule(25, "`*` beside a name that does not exist: everything now, that one when it comes.", SOTW, WHOLE),
        Rule(
            26,
            "What does not exist yet stays subscribed to, and is sent when it comes into being.",
            BOTH,
            EACH,
            tests=(
                f"{HARNESS}::test_a_missing_cluster_or_listener_is_created",
                f"{HARNESS}::test_a_missing_route_or_assignment_is_created",
            ),
        ),
        Rule(
            27,
            "SotW has no negative answer; a cluster without endpoints gets an empty assignment.",
            SOTW,
            ("CDS", "LDS", "EDS", "RDS", "SDS"),
        ),
        Rule(28, "An empty wildcard is answered with an empty response, or Envoy would wait for it.", BOTH, WHOLE),
        Rule(
            29,
            "A type that is not served does not end the stream.",
            BOTH,
            tests=(f"{ADS}::test_types_that_nobody_serves_do_not_end_the_stream",),
        ),
        Rule(30, "A request without a type is passed over: Envoy itself sends such.", BOTH),
        Rule(31, "Resources are not wrapped in SotW.", SOTW, EACH),
    ),
    "Delta": (
        Rule(32, "`system_version_info` is filled in, for people.", DELTA, EACH),
        Rule(33, "The name beside a resource is the one in it.", DELTA, EACH, (CONVERGENCE,)),
        Rule(34, "The version of a resource is a hash of its content.", DELTA, EACH, (CONVERGENCE,)),
        Rule(35, "Subscriptions count whatever the nonce is.", DELTA, EACH),
        Rule(36, "One request may acknowledge (or reject), subscribe and unsubscribe.", DELTA, EACH),
        Rule(
            37,
            "What a client rejected is kept from it for a while, and what it accepted before takes its place.",
            BOTH,
            EACH,
        ),
        Rule(
            38,
            "Only what changed is sent.",
            DELTA,
            EACH,
            tests=(f"{HARNESS}::test_an_update_brings_that_resource_alone",),
        ),
        Rule(39, "A name that is subscribed to again is sent again.", DELTA, EACH),
        Rule(40, "Withdrawing a name that was not subscribed to is passed over.", DELTA, EACH),
        Rule(
            41,
            "Withdrawing a name is not answered.",
            DELTA,
            EACH,
            tests=(f"{HARNESS}::test_unsubscribing_one_after_the_other",),
        ),
        Rule(42, "Withdrawing a name under a wildcard is answered with the resource, or its removal.", DELTA, EACH),
        Rule(43, "A first request without names asks for everything, for clusters and listeners.", DELTA, WHOLE),
        Rule(
            44,
            "`*` can be subscribed to and withdrawn; names stay.",
            DELTA,
            WHOLE,
            (f"{SUBSCRIPTION}::test_delta_table",),
        ),
        Rule(45, "A name beside the legacy wildcard leaves the wildcard as it is.", DELTA, WHOLE),
        Rule(
            46,
            "What does not exist is said to be removed, at once, and stays subscribed to.",
            DELTA,
            EACH,
            tests=(f"{HARNESS}::test_what_is_missing_is_said_and_comes_when_it_is_created",),
        ),
        Rule(
            47,
            "What is deleted is named in `removed_resources`.",
            DELTA,
            EACH,
            tests=(f"{HARNESS}::test_a_removal_is_said_and_the_return_too",),
        ),
        Rule(48, "A name is never both added and removed in one response.", DELTA, EACH, (CONVERGENCE,)),
        Rule(
            49,
            "What refers to a resource goes before it, since Envoy ignores a removal of what is in use.",
            BOTH,
            ("CDS", "LDS", "RDS"),
            why="Extension configurations, whose removal breaks traffic, are never removed.",
        ),
        Rule(
            50,
            "A client that comes back is sent what is newer than its versions, and told what has gone.",
            DELTA,
            ("CDS", "LDS", "RDS"),
        ),
        Rule(51, "Such versions count in the first request of a type only.", DELTA, ("CDS", "LDS", "RDS")),
        Rule(52, "A client that comes back and lacks nothing is answered too.", DELTA, ("CDS", "LDS", "RDS")),
        Rule(53, "Endpoints and secrets are sent again to a client that comes back.", DELTA, ("EDS", "SDS")),
        Rule(54, "Each type is answered by itself: endpoints before, or without, clusters.", BOTH, ("CDS", "EDS")),
        Rule(
            55,
            "Endpoints follow their added or changed cluster, even if they have not changed.",
            BOTH,
            ("CDS", "EDS"),
            (f"{LIFECYCLE}::test_changes_under_load_fail_no_request",),
        ),
        Rule(56, "Aliases answer virtual hosts on demand.", why="Virtual hosts are not served on demand (81)."),
        Rule(57, "Time to live: see 82.", why="Not used."),
        Rule(
            58,
            "`control_plane.identifier` names the server and its version.",
            BOTH,
            EACH,
            ("tests/protocol/test_rules_sotw.py::test_rule_31_resources_are_not_wrapped",),
        ),
        Rule(59, "What would be too big for a client is split.", DELTA, EACH),
        Rule(
            60,
            "Delta and SotW agree: after any history a client holds what a fresh one gets, and the wire is quiet.",
            BOTH,
            EACH,
            (CONVERGENCE, THREE, SAME),
        ),
    ),
    "Order and warming": (
        Rule(61, "A push goes out as CDS, EDS, LDS, RDS, SDS; removals come last.", BOTH, EACH),
        Rule(
            62,
            "Make before break: a cluster stays until the routes that left it are accepted.",
            BOTH,
            ("CDS", "EDS", "RDS"),
            (f"{LIFECYCLE}::test_a_cluster_that_takes_the_place_of_another_costs_no_request",),
        ),
        Rule(
            63,
            "Endpoints do not wait for the ACK of clusters; routes to a new cluster do, for two seconds at most.",
            BOTH,
            ("CDS", "EDS", "RDS"),
        ),
        Rule(64, "A request for children is answered while their parents are not acknowledged.", BOTH, ("CDS", "EDS")),
        Rule(
            65,
            "Envoy asks for listeners once all clusters are warm.",
            why="About clients; 28 and 54 are our part of it.",
        ),
        Rule(66, "Endpoints that came before their cluster come again after it.", BOTH, ("CDS", "EDS")),
        Rule(67, "Nothing is sent to a type without a subscription.", BOTH, EACH),
        Rule(
            68,
            "Routes come after their listener, and are never inlined in one, where an unknown cluster is an error.",
            BOTH,
            ("LDS", "RDS"),
            ("tests/protocol/test_ordering.py::test_rule_61_the_order_of_types",),
        ),
        Rule(69, "Routes of a listener that has gone are still answered, since it drains.", BOTH, ("LDS", "RDS")),
        Rule(
            70,
            "Names of listeners are stable, and one that takes an address over comes with the removal of the other.",
            BOTH,
            ("LDS",),
        ),
        Rule(71, "A resource that is sent again unchanged costs Envoy almost nothing.", why="About clients."),
        Rule(72, "Answers that never come are given up.", BOTH, EACH),
        Rule(
            73,
            "What a slow client has missed comes as one difference; types wait for each other as in 62 and 63 only.",
            BOTH,
            ("CDS", "EDS"),
            (f"{RULES}::test_a_skipped_snapshot_is_made_up_for",),
        ),
        Rule(74, "An ACK covers the responses of its type before it.", BOTH, EACH, (THREE,)),
        Rule(75, "Two streams of one node are independent.", BOTH, ("CDS", "RDS")),
        Rule(
            76,
            "Types are independent of each other.",
            BOTH,
            ("CDS", "RDS"),
            tests=(f"{HARNESS}::test_two_types_on_one_stream", f"{HARNESS}::test_unsubscribing_from_one_of_two_types"),
        ),
        Rule(
            77,
            "A service for a single type takes requests that leave the type out, and no other type.",
            BOTH,
            tests=(
                f"{SERVICES}::test_a_request_may_leave_out_the_type",
                f"{SERVICES}::test_another_type_is_refused",
                "tests/envoy/test_services.py::test_a_service_for_each_type",
            ),
        ),
        Rule(
            78,
            "The node counts in the first message of a stream, which must have one.",
            BOTH,
            tests=(f"{ADS}::test_a_first_message_without_node_is_refused",),
        ),
        Rule(79, "Another node in a later message changes nothing.", BOTH),
        Rule(80, "Pseudo types before the first real request are passed over.", BOTH),
    ),
    "Special types": (
        Rule(
            81,
            "Virtual hosts and clusters on demand.",
            BOTH,
            ("CDS",),
            why="Clusters on demand are named subscriptions (45, 46). Virtual hosts are not served by themselves.",
        ),
        Rule(82, "Time to live is not used: expiry in SotW crashes Envoy 1.40.", BOTH, EACH),
        Rule(
            83,
            "`xdstp://` names are names like any other.",
            BOTH,
            EACH,
            why="We emit none, so a collection is a name that does not exist.",
        ),
        Rule(
            84, "Secrets over ADS: names that accumulate before any answer, and nobody else's secrets.", BOTH, ("SDS",)
        ),
        Rule(
            85,
            "Extension configurations (ECDS) are sent by name, again with their listener, and never removed.",
            BOTH,
            tests=(
                "tests/protocol/test_rules_delta.py::test_rule_49_extensions_are_never_removed",
                "tests/protocol/test_passage.py::test_a_filter_by_ecds_is_still_served_while_its_listener_may_ask_for_it",
            ),
        ),
        Rule(86, "Runtime layers.", BOTH, why="Not served, and no bootstrap of ours asks for them."),
        Rule(
            87, "Scoped routes and locality endpoints.", BOTH, why="Not served, and nothing that we emit asks for them."
        ),
        Rule(
            88,
            "Load reports are asked for once, and taken for as long as the client stays.",
            tests=("tests/transport/test_load_stats.py::test_reports_are_asked_for_once_and_counted",),
        ),
        Rule(
            89,
            "The state of each type of each client can be asked for: SYNCED, STALE, NOT SENT, ERROR.",
            BOTH,
            ("CDS", "RDS"),
            (
                f"{RULES}::test_status_of_each_type",
                "tests/transport/test_client_status.py::test_tells_of_each_resource_what_has_become_of_it",
                "tests/cli/test_proxy_commands.py::test_status_table",
            ),
        ),
        Rule(90, "Errors of single resources in a response.", BOTH, EACH, why="Not used: no client reads them."),
        Rule(91, "Fields that are not known are passed over.", BOTH, EACH),
        Rule(92, "Nothing depends on `client_features`: Envoy's list is empty.", BOTH, EACH),
    ),
    "Transport and operation": (
        Rule(93, "Requests of 50,000 names and clusters of 10 MB go through.", BOTH, ("CDS",)),
        Rule(
            94,
            "A client may ping every second, and is pinged.",
            tests=(f"{ADS}::test_frequent_pings_do_not_end_the_stream",),
        ),
        Rule(
            95,
            "Streams end at an age, without an error, each at its own, and not while a push is under way.",
            BOTH,
            tests=(
                f"{LIMITS}::test_a_stream_of_age_ends_without_an_error",
                f"{LIMITS}::test_the_ages_of_streams_differ_by_a_tenth",
                f"{LIMITS}::test_a_stream_of_age_is_left_alone_while_it_is_busy",
            ),
        ),
        Rule(
            96,
            "A stop ends every stream first, and does not wait for a client that does not read.",
            BOTH,
            tests=(
                f"{ADS}::test_stop_sends_proxies_elsewhere",
                f"{ADS}::test_stop_does_not_wait_for_a_proxy_that_does_not_read",
                f"{LIMITS}::test_streams_end_spread_over_the_grace",
            ),
        ),
        Rule(97, "Envoy's back-off before it connects again.", why="About clients."),
        Rule(
            98,
            "Until all sources have synced, streams are refused: an empty answer would wipe a configuration.",
            BOTH,
            tests=(f"{ADS}::test_refuses_streams_until_ready",),
        ),
        Rule(
            99,
            "New streams are let in at a rate, and refused if they would wait for long.",
            tests=(
                f"{LIMITS}::test_streams_that_come_too_fast_wait_or_are_refused",
                f"{LIMITS}::test_streams_beyond_the_limit_are_refused_until_one_leaves",
            ),
        ),
        Rule(
            100,
            "Changes within a short quiet time go out as one.",
            tests=(
                "tests/serving/test_push.py::test_debounce",
                "tests/serving/test_push.py::test_worlds_within_the_debounce_go_out_as_one",
            ),
        ),
        Rule(
            101,
            "A client that does not read costs one response, and gets the newest state; in the end it is cut off.",
            BOTH,
            tests=(
                f"{ADS}::test_a_slow_reader_costs_one_response_and_gets_the_newest",
                f"{ADS}::test_a_proxy_that_never_reads_is_cut_off",
                f"{ADS}::test_a_proxy_that_asks_and_never_reads_is_not_listened_to_for_ever",
            ),
        ),
        Rule(102, "Nothing is left of a client that has gone.", BOTH, ("CDS",)),
        Rule(103, "The number of streams is not bounded by a pool of threads.", BOTH, ("CDS",)),
        Rule(104, "Requests are heard while changes pour in.", BOTH, ("EDS",)),
        Rule(105, "Addresses that a client states are not believed.", BOTH, ("LDS",)),
        Rule(
            106,
            "Clients prove who they are.",
            why="Not yet: plaintext xDS, on loopback by default, and no secrets on it.",
        ),
        Rule(
            107,
            "Nothing is emitted that Envoy does not know: it runs with --reject-unknown-dynamic-fields in our tests.",
            tests=(SAME,),
        ),
        Rule(108, "What we emit passes Envoy's validation.", tests=(SAME,)),
        Rule(109, "A NACK's message is cut: it may hold the whole resource.", BOTH, EACH),
        Rule(
            110,
            "A NACK is shown: in status, in metrics, and as a diagnostic that names the object.",
            BOTH,
            tests=(
                "tests/serving/test_admin.py::test_a_rejection_names_the_object_and_its_place",
                "tests/cli/test_proxy_commands.py::test_a_rejection_stands_below_the_table",
                f"{ADS}::test_a_nack_is_counted_and_not_answered",
            ),
        ),
        Rule(
            111,
            "Replicas agree: equal content has equal versions in every process.",
            BOTH,
            EACH,
            (f"{LIFECYCLE}::test_traffic_goes_on_while_the_control_plane_restarts",),
        ),
        Rule(112, "Thousands of streams are fine.", BOTH, ("CDS",), why="`make bench` measures 500."),
    ),
}

ALL: Final = tuple(rule for rules in SECTIONS.values() for rule in rules)
