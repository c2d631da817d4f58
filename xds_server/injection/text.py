"""YAML in, YAML out with a changed tree: what did not change keeps its text, comments and blank lines included.

PyYAML drops comments, but tells where each node stands. So a changed document is put together from pieces of the old
text and, for what is new, from lines printed anew. What cannot be treated so (flow style, anchors) is printed whole.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, cast

import yaml

from xds_server.injection.alignment import align

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xds_server.injection.settings import Mapping, Tree


class Loader(yaml.SafeLoader):
    """YAML as Kubernetes reads it: dates are texts."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(yaml.SafeDumper):
    """Prints as kubectl does: no aliases, and lists not deeper than their key."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        return True


class _Unlike(Exception):  # noqa: N818 - no error: another way is taken
    """The text of a node cannot be kept."""


def documents(text: str) -> Iterator[str]:
    """Yield the documents of a stream, each from behind its `---` line to the next. Joined by such lines they are the
    stream again. A `---` in a block scalar is indented, so it is none.
    """
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        if line.startswith("---") and (len(line.rstrip()) == 3 or line[3] in " \t"):
            yield "".join(lines)
            lines = []
            rest = line[3:].lstrip(" \t")
            if rest.strip():
                lines.append(rest)
        else:
            lines.append(line)
    yield "".join(lines)


def read(text: str) -> Tree:
    """Read one document. Raises yaml.YAMLError."""
    return cast("Tree", yaml.load(text, Loader=Loader))  # noqa: S506 - a SafeLoader


def render(tree: Tree) -> str:
    """Print a tree."""
    return yaml.dump(tree, Dumper=_Dumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=1 << 16)


def rewritten(text: str, before: Tree, after: Tree) -> str:
    """Return the text of a document, of which `before` was read, so that it reads as `after`."""
    if before == after:
        return text
    try:
        made = _Rewriter(text).document(before, after)
        if yaml.load(made, Loader=Loader) == after:  # noqa: S506 - as above
            return made
    except (_Unlike, yaml.YAMLError):
        pass
    return "".join(_leading(text)) + render(after)


def _leading(text: str) -> Iterator[str]:
    """Yield the comments above a document."""
    for line in text.splitlines(keepends=True):
        if line.strip() and not line.lstrip().startswith("#"):
            return
        yield line


class _Rewriter:
    def __init__(self, text: str) -> None:
        self._text = text if text.endswith("\n") else f"{text}\n"

    def document(self, before: Tree, after: Tree) -> str:
        if any(isinstance(token, _BY_REFERENCE) for token in yaml.scan(self._text, Loader=Loader)):
            raise _Unlike
        root = yaml.compose(self._text, Loader=Loader)
        if root is None:
            raise _Unlike
        start = root.start_mark.index
        return self._text[:start] + self._node(root, before, after, len(self._text))

    def _node(self, node: yaml.Node, before: Tree, after: Tree, end: int) -> str:
        """Return the text from where a node begins to `end`, where what follows it begins."""
        if not _is_block(node):
            raise _Unlike
        if isinstance(node, yaml.MappingNode) and isinstance(before, dict) and isinstance(after, dict):
            return self._mapping(node, before, after, end)
        if isinstance(node, yaml.SequenceNode) and isinstance(before, list) and isinstance(after, list):
            return self._sequence(node, before, after, end)
        raise _Unlike

    def _mapping(self, node: yaml.MappingNode, before: Mapping, after: Mapping, end: int) -> str:
        if not set(before) <= set(after) or not node.value:
            raise _Unlike
        parts = []
        indent = node.start_mark.column
        starts = [key.start_mark.index for key, _ in node.value] + [end]
        for (key, value), start, stop in zip(node.value, starts[:-1], starts[1:], strict=True):
            name = key.value
            if name not in before:
                raise _Unlike
            if before[name] == after[name]:
                parts.append(self._text[start:stop])
                continue
            try:
                begin = value.start_mark.index
                parts.append(self._text[start:begin] + self._node(value, before[name], after[name], stop))
            except _Unlike:
                made = _indented(render({name: after[name]}), indent)[indent:]
                parts.append(made + self._text[self._line_end(value) : stop])
        new = {name: value for name, value in after.items() if name not in before}
        if new:
            parts[-1] = self._after(node.value[-1][1], parts[-1], end, _indented(render(new), indent))
        return "".join(parts)

    def _sequence(self, node: yaml.SequenceNode, before: list[Tree], after: list[Tree], end: int) -> str:
        places = align(before, after)
        if places is None or not node.value:
            raise _Unlike
        indent = node.start_mark.column
        starts = [self._dash(item) for item in node.value]
        stops = [*starts[1:], end]
        parts: list[str] = []
        last = max(i for i, place in enumerate(places) if place is not None)
        for index, (place, value) in enumerate(zip(places, after, strict=True)):
            if place is None:
                made = _indented(render([value]), indent)
                if index > last:
                    continue
                parts.append(made[indent:] + " " * indent)
                continue
            item = node.value[place]
            if before[place] == value:
                part = self._text[starts[place] : stops[place]]
            else:
                begin = item.start_mark.index
                part = self._text[starts[place] : begin] + self._node(item, before[place], value, stops[place])
            if index == last and (rest := after[last + 1 :]):
                part = self._after(item, part, end, _indented(render(rest), indent))
            parts.append(part)
        return "".join(parts)

    def _after(self, node: yaml.Node, part: str, end: int, new: str) -> str:
        """Put new lines behind a node's own, in front of the comments and blank lines that follow it."""
        tail = self._text[self._line_end(node) : end]
        body = part[: len(part) - len(tail)] if tail else part
        return body + new + tail

    def _dash(self, item: yaml.Node) -> int:
        place = self._text.rfind("-", 0, item.start_mark.index)
        if place < 0 or self._text[place + 1 : item.start_mark.index].strip():
            raise _Unlike
        return place

    def _line_end(self, node: yaml.Node) -> int:
        """Return where the line behind a node's last own character begins."""
        while _is_block(node) and node.value:
            last = node.value[-1]
            node = last[1] if isinstance(last, tuple) else last
        mark = node.end_mark
        if mark.column == 0 and mark.index > node.start_mark.index:  # a block scalar ends where the next line begins
            return cast("int", mark.index)
        return self._text.find("\n", mark.index) + 1


_BY_REFERENCE: Final = (yaml.AliasToken, yaml.AnchorToken, yaml.TagToken)


def _is_block(node: yaml.Node) -> bool:
    return isinstance(node, yaml.CollectionNode) and node.flow_style is not True  # None: a list as deep as its key


def _indented(text: str, indent: int) -> str:
    return "".join(f"{' ' * indent}{line}" if line.strip() else line for line in text.splitlines(keepends=True))
