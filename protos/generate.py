"""Make the typing stubs of the Envoy API in `protos/stubs`: a maintenance script, run by `make protos`.

The package `xds-protos` ships modules that protoc generated, but neither `.pyi` nor `.proto` files. The modules carry
their descriptors, though, and protoc takes descriptors as input: so this collects those of the packages in `PACKAGES`
and of every `*_pb2` module that our code imports, adds all that they import in turn, and has protoc write the stubs.
`tests/protos/test_stubs.py` checks that what stands in the tree is what this makes.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import pkgutil
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

    from google.protobuf.descriptor import FileDescriptor

ROOT: Final = Path(__file__).resolve().parent.parent
STUBS: Final = ROOT / "protos" / "stubs"
SOURCES: Final = ("translators", "xds_server", "tests", "benchmarks")

_CONFIG = [
    "accesslog",
    "bootstrap",
    "cluster",
    "common",
    "core",
    "endpoint",
    "listener",
    "metrics",
    "overload",
    "ratelimit",
    "rbac",
    "route",
    "trace",
]
_EXTENSIONS = [
    "access_loggers/file",
    "access_loggers/stream",
    "clusters/dns",
    "filters/common/fault",
    "filters/http/cors",
    "filters/http/ext_authz",
    "filters/http/fault",
    "filters/http/grpc_stats",
    "filters/http/grpc_web",
    "filters/http/health_check",
    "filters/http/jwt_authn",
    "filters/http/local_ratelimit",
    "filters/http/lua",
    "filters/http/rbac",
    "filters/http/router",
    "filters/listener/http_inspector",
    "filters/listener/original_dst",
    "filters/listener/tls_inspector",
    "filters/network/http_connection_manager",
    "filters/network/tcp_proxy",
    "load_balancing_policies",
    "network/dns_resolver",
    "request_id/uuid",
    "retry/host/previous_hosts",
    "transport_sockets/quic",
    "transport_sockets/raw_buffer",
    "transport_sockets/tls",
    "upstreams/http",
]
_SERVICES = ["cluster", "discovery", "endpoint", "listener", "load_stats", "route", "secret", "status"]

PACKAGES: Final = (
    "envoy/admin",
    *(f"envoy/config/{name}" for name in _CONFIG),
    *(f"envoy/extensions/{name}" for name in _EXTENSIONS),
    *(f"envoy/service/{name}" for name in _SERVICES),
    "envoy/type",
)
"""What one reaches for when writing a translator, so that a new import seldom calls for `make protos`."""

_TOP_LEVEL: Final = frozenset({"envoy", "google", "opencensus", "udpa", "validate", "xds"})


def modules_below(package: str) -> Iterator[str]:
    """Yield the dotted names of the `_pb2` modules of a package like `envoy/config/cluster`, of version 3 only."""
    module = importlib.import_module(package.replace("/", "."))
    for found in pkgutil.walk_packages(module.__path__, module.__name__ + "."):
        if found.name.endswith("_pb2") and ".v3." in found.name:
            yield found.name


def modules_imported(folders: Iterable[Path]) -> Iterator[str]:
    """Yield the dotted names of the `_pb2` modules of xds-protos that Python files below the folders import."""
    for folder in folders:
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
                if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
                    names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                elif isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                else:
                    continue
                # google.protobuf has its stubs from types-protobuf.
                yield from (
                    name
                    for name in names
                    if name.endswith("_pb2")
                    and name.partition(".")[0] in _TOP_LEVEL
                    and not name.startswith("google.protobuf.")
                )


def closure(modules: Iterable[ModuleType]) -> Mapping[str, FileDescriptor]:
    """Return the files of the modules and of all that they import, by name."""
    files: dict[str, FileDescriptor] = {}
    waiting: list[FileDescriptor] = [module.DESCRIPTOR for module in modules]
    while waiting:
        file = waiting.pop()
        if file.name not in files:
            files[file.name] = file
            waiting.extend(file.dependencies)
    return files


def descriptor_set(files: Mapping[str, FileDescriptor]) -> FileDescriptorSet:
    """Return the files as protoc wants them: each after what it imports."""
    result = FileDescriptorSet()
    done: set[str] = set()

    def add(name: str) -> None:
        if name in done:
            return
        done.add(name)
        for dependency in sorted(file.name for file in files[name].dependencies):
            add(dependency)
        proto = FileDescriptorProto()
        files[name].CopyToProto(proto)
        result.file.append(proto)

    for name in sorted(files):
        add(name)
    return result


def generate(target: Path, sources: Iterable[Path]) -> tuple[str, ...]:
    """Write the stubs into the empty folder `target`; return the names of the `.proto` files that have one.

    Raises ImportError if the code imports a module that xds-protos does not have, RuntimeError if protoc fails.
    """
    names = {name for package in PACKAGES for name in modules_below(package)}
    names.update(modules_imported(sources))
    files = closure(importlib.import_module(name) for name in sorted(names))
    wanted = tuple(sorted(name for name in files if not name.startswith("google/protobuf/")))
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(suffix=".binpb") as descriptors:
        descriptors.write(descriptor_set(files).SerializeToString(deterministic=True))
        descriptors.flush()
        status = protoc.main(["protoc", f"--descriptor_set_in={descriptors.name}", f"--pyi_out={target}", *wanted])
    if status != 0:
        msg = f"protoc ended with status {status}"
        raise RuntimeError(msg)
    return wanted


def main() -> None:
    """Replace what stands in `protos/stubs`, or write to `--out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=STUBS)
    out: Path = parser.parse_args().out
    shutil.rmtree(out, ignore_errors=True)
    names = generate(out, [ROOT / folder for folder in SOURCES])
    print(f"{len(names)} stubs in {out}")


if __name__ == "__main__":
    main()
