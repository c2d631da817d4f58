"""A duration as a flag."""

from __future__ import annotations

import click

from translators.model.common import Duration


class Span(click.ParamType[float]):
    """A duration as Go writes it; becomes seconds."""

    name = "duration"

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> float:
        """Read a value. Wrong usage if it is none, or negative."""
        if isinstance(value, float):
            return value
        try:
            span = Duration.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if span < 0:
            self.fail(f"{value!r} is negative", param, ctx)
        return span.total_seconds()
