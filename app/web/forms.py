"""What did somebody type? Text becomes typed values, or problems that name their field; the text itself is kept."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Any, TypeVar
from urllib.parse import urlsplit

from app.errors import AppError, Conflict, Invalid, NotAllowed, Problem
from app.rules.calendar import YEARS, local_instants
from app.web.visitor import end_session

R = TypeVar("R")

#: No row has a larger number: the databases would fail at it.
LARGEST_ID = 2**31 - 1
#: No line that somebody types is longer; what is meant to be long says so.
LINE = 200


class Form:
    """The fields of a form: what was typed (else the values it began with), what is wrong, and the typed values."""

    def __init__(self, typed: Mapping[str, str] | None = None, *, begins: Mapping[str, Any] | None = None) -> None:
        self._typed = typed
        self._begins = begins or {}
        self.problems: dict[str, Problem] = {}
        #: What forbade the wish as a whole, when no field is to blame.
        self.refusal: AppError | None = None

    def again(self) -> Form:
        """Return a form with the same text in it, for who reads it otherwise: its problems are its own."""
        return Form(self._typed, begins=self._begins)

    @property
    def status(self) -> int:
        """The HTTP status with which the form is shown again."""
        if self.refusal is not None:
            return self.refusal.status
        return 422 if self.problems else 200

    def value(self, name: str) -> str:
        """Return what the field shows: the text that was typed, else its first value."""
        shown = self._begins.get(name) if self._typed is None else self._typed.get(name)
        return "" if shown is None else str(shown).replace("\x00", "")  # PostgreSQL keeps no text with it

    def wrong(self, name: str, code: str, **facts: Any) -> None:
        """Note what is wrong with a field; the first problem of a field stands."""
        self.problems.setdefault(name, Problem(name, code, facts))

    def text(self, name: str, *, needed: bool = False, most: int = LINE) -> str:
        """Return a field's text without the blanks around it."""
        typed = self.value(name).replace("\r\n", "\n").strip()
        if needed and not typed:
            self.wrong(name, "missing")
        if len(typed) > most:
            self.wrong(name, "too_long", most=most)
        return typed

    def optional(self, name: str) -> str | None:
        """Return a field's text, or None when nothing was typed."""
        return self.text(name) or None

    def one_of(self, name: str, choices: Iterable[str]) -> str:
        """Return a field's text, which must be one of the choices."""
        typed, known = self.text(name), tuple(choices)
        if typed not in known:
            self.wrong(name, "choice", choices=", ".join(known))
        return typed

    def ticked(self, name: str) -> bool:
        """Return whether a box is ticked."""
        return bool(self.value(name))

    def whole(self, name: str, *, least: int, most: int, needed: bool = True) -> int | None:
        """Return a whole number within limits; digits of full width count too."""
        typed = self.text(name, needed=needed, most=20)
        if not typed:
            return None
        if not typed.isdecimal() or not least <= int(typed) <= most:
            self.wrong(name, "range", least=least, most=most)
            return None
        return int(typed)

    def row(self, name: str, *, needed: bool = False) -> int | None:
        """Return the number of the row that was chosen, or None; a crafted number beyond any row is unknown."""
        typed = self.text(name, needed=needed)
        if not typed:
            return None
        number = row_number(typed)
        if number is None:
            self.wrong(name, "unknown")
        return number

    def position(self) -> tuple[float, float] | None:
        """Return the fields' latitude and longitude, or None when both are empty."""
        north, east = self.text("lat", most=30), self.text("lon", most=30)
        if not north and not east:
            return None
        if not north or not east:
            self.wrong("lat" if not north else "lon", "half_position")
            return None
        try:
            place = float(north), float(east)
        except ValueError:
            place = (float("nan"), 0.0)
        if not (-90 <= place[0] <= 90 and -180 <= place[1] <= 180):
            self.wrong("lat", "position")
            return None
        return place

    def day(self, name: str, *, needed: bool = True) -> date | None:
        """Return a date typed as 2026-11-24."""
        typed = self.text(name, needed=needed)
        on = day_of(typed)
        if typed and on is None:
            self.wrong(name, "date")
        return on

    def clock(self, name: str, *, needed: bool = True) -> time | None:
        """Return a time of day typed as 17:00 or 9:30."""
        typed = unicodedata.normalize("NFKC", self.text(name, needed=needed))
        if not typed:
            return None
        clock = re.fullmatch(r"([01]?[0-9]|2[0-3]):([0-5][0-9])", typed)
        if clock is None:
            self.wrong(name, "time")
            return None
        return time(int(clock[1]), int(clock[2]))

    def instant(self, name: str, on: date | None, zone: tzinfo, *, needed: bool = True) -> datetime | None:
        """Return a local time of a day as an instant; a time that the zone skips or has twice is a problem."""
        at = self.clock(name, needed=needed)
        if at is None or on is None:
            return None
        found = local_instants(on, at, zone)
        if len(found) == 1:
            return found[0]
        self.wrong(name, "ambiguous_time" if found else "no_such_time")
        return None

    def check(self) -> None:
        """Raise Invalid when something is wrong already."""
        if self.problems:
            raise Invalid(list(self.problems.values()))

    def take(self, action: Callable[[], R]) -> R | None:
        """Run one part of an operation and note what is wrong with its fields, so that all is told at once."""
        try:
            return action()
        except Invalid as invalid:
            for problem in invalid.problems:
                self.problems.setdefault(problem.field, problem)
        return None

    def submit(self, action: Callable[[], R]) -> R | None:
        """Run an operation unless something is wrong already; a refusal is kept to be shown and nothing is changed.

        Returns None exactly when the form has to be shown again.
        """
        if not self.problems:
            try:
                done = self.take(action)
                if not self.problems:
                    return done
            except (Conflict, NotAllowed) as refusal:
                self.refusal = refusal
        end_session(commit=False)
        return None


def row_number(typed: str) -> int | None:
    """Return the number of a row that was sent (0: of none yet), or None for what no row can have."""
    number = int(typed) if typed.isdecimal() and len(typed) <= 10 else LARGEST_ID + 1
    return number if number <= LARGEST_ID else None


def day_of(typed: str) -> date | None:
    """Return a date written as 2026-11-24, or None for another text and for days at the ends of time."""
    try:
        on = date.fromisoformat(typed)
    except ValueError:
        return None
    return on if on.year in YEARS else None


def local_path(wanted: str | None) -> str:
    """Return a path of this site that a visitor wants to go on to, or "/" when it could lead anywhere else.

    >>> local_path("/visits/3"), local_path("//evil.example"), local_path("https://evil.example/")
    ('/visits/3', '/', '/')
    """
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    if "\\" in wanted or any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in wanted):
        return "/"
    parts = urlsplit(wanted)
    return "/" if parts.scheme or parts.netloc else wanted
