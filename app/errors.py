"""What can go wrong, in words an edge can show: every error has a stable code, and bad input names its field."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field of the input.

    `code` is a key of the translations (`problem.<code>`), `facts` fill its placeholders.
    """

    field: str
    code: str
    facts: dict[str, Any] = dataclasses.field(default_factory=dict)


class AppError(Exception):
    """Something the person at the edge can be told; `code` is a key of the translations (`error.<code>`)."""

    status = 500

    def __init__(self, code: str, **facts: Any) -> None:
        super().__init__(code, facts)
        self.code = code
        self.facts = facts


class NotFound(AppError):
    """There is no such thing, or the asker may not know of it."""

    status = 404


class NotAllowed(AppError):
    """The asker is known and may not do this."""

    status = 403


class Conflict(AppError):
    """The wish was sound, but the state of things forbids it (an overlap, a visit that is over)."""

    status = 409


class Stale(Conflict):
    """Somebody changed the thing since it was read."""

    status = 412


class Refused(AppError):
    """The input is sound, and a rule of the company forbids it (a discount over the limit)."""

    status = 422


class Invalid(AppError):
    """The input is wrong; each problem names its field."""

    status = 422

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("invalid")
        self.problems = tuple(problems)

    @classmethod
    def one(cls, field_name: str, code: str, **facts: Any) -> Invalid:
        """Return the error for a single bad field."""
        return cls([Problem(field_name, code, facts)])

    def __str__(self) -> str:
        return ", ".join(f"{p.field}: {p.code}" for p in self.problems)
