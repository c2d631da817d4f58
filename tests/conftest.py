"""What holds for every test: options, the hypothesis profile, and which tests are left out unless asked for.

`tests/require.py` holds what a test may demand from the machine; `require` stands here too, for whoever looks here.
"""

from __future__ import annotations

import os
import random
import signal

import pytest
from hypothesis import HealthCheck, settings

from tests.protocol.conformance_page import ConformanceRun
from tests.require import demanded, require

__all__ = ["require"]

# Once gRPC is in use here, one in twenty of the processes that tests start would die between fork and exec: gRPC takes
# up its work in the child, and finds its files closed (grpc/grpc#43055).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

# Whoever runs the suite in the background of a shell has it ignore Ctrl-C, and so would each program that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline for one example: the machine is shared, and each test has its own limit (`timeout` in pyproject.toml).
settings.register_profile("dev", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("dev"), max_examples=200)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write what the code makes over the golden files, and delete those that no test reads",
    )
    parser.addoption(
        "--update-conformance",
        action="store_true",
        help="run the tests that hold the rules of xDS, and write docs/xds-conformance.md",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    try:
        ci = bool(demanded(os.environ.get("PILOTFISH_REQUIRE", "")))
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    settings.load_profile("ci" if ci else "dev")
    if config.option.update_conformance:
        config.pluginmanager.register(ConformanceRun())
    if config.option.hypothesis_seed is None:  # a new one each run, and said in the header: any run can be repeated
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))


def pytest_report_header(config: pytest.Config) -> list[str]:
    required = ", ".join(sorted(demanded(os.environ.get("PILOTFISH_REQUIRE", "")))) or "nothing"
    return [f"pilotfish: --hypothesis-seed={config.option.hypothesis_seed}, required: {required}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.option.markexpr:
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if item not in soak]


@pytest.fixture(scope="session")
def update_goldens(pytestconfig: pytest.Config) -> bool:
    """Whether to write the golden files anew instead of comparing with them."""
    return bool(pytestconfig.getoption("--update-goldens"))
