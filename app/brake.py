"""What does this process remember of the brake between two looks at the database, and how much may leave until then?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Lock, get_ident

from app.rules.brake import WAVES, Usual

#: So long what was seen counts: a look costs three short questions, and up to fifty notices leave in this time.
LOOKS_EVERY = timedelta(seconds=1)
#: What is usual of an hour, counted from weeks of notices, counts for so long.
USUAL_LASTS = timedelta(seconds=60)
#: So often what is held is looked through for what is over.
LAPSES_EVERY = timedelta(seconds=10)


class Brake:
    """One process's share of the brake.

    Whether it holds stands in the database, so all processes obey one decision. Each looks every second, and lets no
    more go between two looks than the last one left room for.
    """

    def __init__(self) -> None:
        self.holds = False
        self.usual: Usual | None = None
        self._usual_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._lapsed_at: datetime | None = None
        self._room: dict[str, int] = {}
        #: What a thread has let go in a transaction that is not over yet: a look does not see it.
        self._under_way: dict[int, str] = {}
        self._lock, self._looking = Lock(), Lock()

    @contextmanager
    def looking(self, now: datetime) -> Iterator[bool]:
        """Let one thread look at a time; yield whether there is need to."""
        with self._looking:
            yield self._looked_at is None or not timedelta() <= now - self._looked_at < LOOKS_EVERY

    def usual_at_hand(self, now: datetime) -> Usual | None:
        """Return what is usual of this hour, while that counts."""
        fresh = self._usual_at is not None and timedelta() <= now - self._usual_at < USUAL_LASTS
        return self.usual if fresh else None

    def under_way(self) -> Mapping[str, int]:
        """Return how much is being let go at this moment, by wave; asked before a look, so that nothing is missed."""
        with self._lock:
            waves = list(self._under_way.values())
        return {wave: waves.count(wave) for wave in WAVES}

    def note(self, now: datetime, *, holds: bool, room: Mapping[str, int], usual: Usual | None) -> None:
        """Keep what a look has shown; `usual` when it was counted anew."""
        with self._lock:
            self.holds, self._room, self._looked_at = holds, dict(room), now
            if usual is not None:
                self.usual, self._usual_at = usual, now

    def spend(self, wave: str) -> bool:
        """Take one notice's room until `done`; return whether there was any. None left: the next take looks again."""
        with self._lock:
            if self.holds or self._room.get(wave, 0) < 1:
                self._looked_at = None
                return False
            self._room[wave] -= 1
            self._under_way[get_ident()] = wave
            return True

    def done(self) -> None:
        """Note that the transaction in which this thread may have let something go is over."""
        with self._lock:
            self._under_way.pop(get_ident(), None)

    def lapses(self, now: datetime) -> bool:
        """Return whether it is time to look through what is held."""
        if self._lapsed_at is not None and timedelta() <= now - self._lapsed_at < LAPSES_EVERY:
            return False
        self._lapsed_at = now
        return True
