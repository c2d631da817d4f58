"""A stream of YAML documents in, the same stream with its workloads injected out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import yaml

from translators.model.codes import diagnose
from translators.model.origin import Location
from xds_server.injection.text import documents, read, rewritten
from xds_server.injection.workloads import inject_object

if TYPE_CHECKING:
    from translators.model.origin import Diagnostic
    from xds_server.injection.settings import InjectionSettings


class Stream(NamedTuple):
    """The text after injection, and what is to be said about it."""

    text: str
    diagnostics: tuple[Diagnostic, ...]


def inject_stream(text: str, settings: InjectionSettings, *, namespace: str = "default", file: str = "-") -> Stream:
    """Inject each workload of a stream of YAML or JSON documents. What is no workload comes out as it was.

    A document that cannot be read, or that Istio would refuse, comes out as it was, too, with an error.
    """
    made: list[str] = []
    found: list[Diagnostic] = []
    line = 1
    for document in documents(text):
        try:
            tree = read(document)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            place = Location(file, line + mark.line if mark is not None else line)
            found.append(diagnose("PF0168", f"{getattr(error, 'problem', None) or error}", location=place))
            made.append(document)
        else:
            if tree is None:
                made.append(document)
            else:
                changed = inject_object(tree, settings, namespace=namespace)
                found += [one._replace(location=one.location or Location(file, line)) for one in changed.diagnostics]
                made.append(rewritten(document, tree, changed.tree))
        line += document.count("\n") + 1
    return Stream(
        "---\n".join(_ended(one) for one in made[:-1]) + ("---\n" if made[1:] else "") + made[-1], tuple(found)
    )


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else f"{text}\n"
