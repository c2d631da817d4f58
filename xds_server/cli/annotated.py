"""Envoy resources as YAML in which comments say where each part comes from."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

import yaml

from translators.model.origin import Origin
from translators.model.paths import segments
from xds_server.printing import to_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from translators.model.origin import Location
    from translators.resources import Resource

    Locate = Callable[[Origin], Location | None]

_MOST_ORIGINS: Final = 6
"""Comment lines above one resource; a route configuration may come from a thousand VirtualServices."""


class _Plain(yaml.CSafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Never print `&id001`: a person reads this."""
        return True


# What json_format makes of an Any.
_Plain.add_representer(OrderedDict, lambda dumper, value: dumper.represent_dict(value.items()))


def annotated_yaml(sections: Mapping[str, Sequence[Resource]], locate: Locate, *, finer: bool = False) -> str:
    """Print sections of resources, each resource below comments that name the fields it comes from.

    With `finer`, comments stand before each route, virtual host, filter chain and field inside as well. The comments
    need resources that were translated with notes; without, they name objects only.
    """
    lines: list[str] = []
    for section, resources in sections.items():
        lines.append(f"{section}:" if resources else f"{section}: []")
        for resource in resources:
            origins = [_shown(origin, locate) for origin in _origins(resource)]
            if len(origins) > _MOST_ORIGINS and not finer:
                origins[_MOST_ORIGINS - 1 :] = [f"{len(origins) - _MOST_ORIGINS + 1} more objects (see --origins)"]
            lines += (f"# from {origin}" for origin in origins)
            lines += _resource(resource, locate, finer=finer)
    return "\n".join(lines) + "\n"


def _shown(origin: Origin, locate: Locate) -> str:
    place = locate(origin)
    return f"{origin} ({place})" if place else str(origin)


def _origins(resource: Resource) -> Iterable[Origin]:
    """Return the fields that made the resource as a whole, and the objects of which no field is known."""
    whole = [origin for path, origin in resource.notes if not path]
    named = {origin.key for origin in whole}
    whole += [Origin(key) for key in resource.origins if key not in named]
    return dict.fromkeys(whole)


def _resource(resource: Resource, locate: Locate, *, finer: bool) -> list[str]:
    text: str = yaml.dump([to_json(resource)], Dumper=_Plain, sort_keys=False, width=10_000, allow_unicode=True)
    lines = text.splitlines()
    if not finer:
        return lines
    comments: dict[int, dict[str, None]] = {}
    root = yaml.compose(text, Loader=yaml.CSafeLoader)
    for path, origin in resource.notes:
        place = _find(root, path) if path else None
        if place is not None:
            line, column = place
            comments.setdefault(line, {})[f"{' ' * column}# from {_shown(origin, locate)}"] = None
    out: list[str] = []
    for number, printed in enumerate(lines):
        out += [*comments.get(number, ()), printed]
    return out


def _find(root: yaml.Node | None, path: str) -> tuple[int, int] | None:
    """Return line and column at which a part of the only element of `root` begins; None if it is not printed there,
    as is the case with values that are the field's default.
    """
    if not isinstance(root, yaml.SequenceNode):
        return None
    node: yaml.Node = root.value[0]
    place = None
    for segment in segments(path):
        if isinstance(segment, int):
            if not isinstance(node, yaml.SequenceNode) or segment >= len(node.value):
                return None
            node = node.value[segment]
            place = (node.start_mark.line, max(node.start_mark.column - 2, 0))  # where the dash is
        else:
            entry = _entry(node, segment)
            if entry is None:
                return None
            key, node = entry
            place = (key.start_mark.line, key.start_mark.column)
    return place


def _entry(node: yaml.Node, name: str) -> tuple[yaml.Node, yaml.Node] | None:
    if not isinstance(node, yaml.MappingNode):
        return None
    return next(((key, value) for key, value in node.value if key.value == name), None)
