"""Manifests as text: YAML for kubectl and kustomize, and the templates of the Helm chart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from xds_server.deployment.expressions import Expression, Unless

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xds_server.deployment.parts import Manifest, Object

_MARK: Final = re.compile(r"__expression_(\d+)__")
_OPTIONAL: Final = re.compile(r"^( *)([\w./-]+): __optional_(\d+)__$", re.MULTILINE)


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Never print `&id001`: a person reads this."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - as above
        """Indent lists below their key, as Kubernetes' own examples do."""
        return super().increase_indent(flow, indentless=False)


def as_yaml(objects: Iterable[Object]) -> str:
    """Print objects as YAML documents."""
    return "---\n".join(_dump(one) for one in objects)


def wanted(manifests: Iterable[Manifest]) -> list[Object]:
    """Return the objects that are wanted, as plain data."""
    return [_plain(one.object) for one in manifests if one.wanted]


def as_template(manifests: Iterable[Manifest]) -> str:
    """Print manifests with expressions in them as a template of a chart."""
    parts = []
    for one in manifests:
        text = _template(one.object)
        condition: object = one.wanted
        if isinstance(condition, Expression):
            text = f"{{{{- if {condition.text} }}}}\n{text}{{{{- end }}}}\n"
        parts.append(text)
    return "---\n".join(parts)


def _plain(value: Any) -> Any:  # noqa: ANN401 - of JSON's types
    """Turn what is a Struct (resources) into a mapping, and leave out what is empty and need not be said."""
    if isinstance(value, msgspec.Struct):
        return {key: item for key, item in msgspec.to_builtins(value).items() if item}
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if not (key in _SILENT and not item)}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


_SILENT: Final = frozenset({"imagePullSecrets", "nodeSelector", "tolerations"})


def _dump(tree: object) -> str:
    text: str = yaml.dump(tree, Dumper=_Plain, sort_keys=False, default_flow_style=False, width=1 << 16)
    return text


def _template(tree: Object) -> str:
    expressions: list[Expression] = []
    conditions: list[Unless] = []
    text = _dump(_marked(tree, expressions, conditions))
    text = _OPTIONAL.sub(lambda found: _optional(found, conditions[int(found[3])]), text)
    # JSON is YAML: whatever a value is, and whatever stands in it, it stays one value.
    return _MARK.sub(lambda found: f"{{{{ toJson ({expressions[int(found[1])].text}) }}}}", text)


def _optional(found: re.Match[str], one: Unless) -> str:
    value = f"{{{{ toJson ({one.value.text}) }}}}" if isinstance(one.value, Expression) else str(one.value)
    return f"{{{{- if not {one.condition.text} }}}}\n{found[1]}{found[2]}: {value}\n{{{{- end }}}}"


def _marked(value: object, expressions: list[Expression], conditions: list[Unless]) -> object:
    match value:
        case Expression():
            expressions.append(value)
            return f"__expression_{len(expressions) - 1}__"
        case Unless():
            conditions.append(value)
            return f"__optional_{len(conditions) - 1}__"
        case dict():
            return {key: _marked(item, expressions, conditions) for key, item in value.items()}
        case list():
            return [_marked(item, expressions, conditions) for item in value]
        case _:
            return value
