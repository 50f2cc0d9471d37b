"""What has been learned so far, for a manager to read: of roads, of work, and of the windows that were told?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Learning, Service, Site, Technician, User
from app.operations.learning import current_habits
from app.rules.habits import BANDS, CELL_LAT, CELL_LON, Habits, Key, Window, cell_centre
from app.rules.ratio import Ratios

#: So many technicians or areas are shown of one kind of work or one band of hours: those seen most.
MOST_LINES = 50
_DAY_MIN = 24 * 60


@dataclass(frozen=True, slots=True)
class WorkLine:
    """How long one kind of work really takes, of all who do it or of one technician."""

    service: Service
    technician: str | None
    ratios: Ratios


@dataclass(frozen=True, slots=True)
class RoadLine:
    """How long drives really take between two local minutes of the day, everywhere or in one area around a place.

    `ratios` None: nobody drove then; `town` is empty where no address says it.
    """

    from_min: int
    until_min: int
    ratios: Ratios | None
    town: str = ""
    centre: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known, and since when: the broad groups, and the narrow ones of the group that was asked for.

    `_more` says how many narrow groups there are beyond those shown.
    """

    learned_at: datetime | None
    anew_at: datetime | None
    anew_by: str | None
    work: Ratios | None
    works: Sequence[WorkLine]
    workers: Sequence[WorkLine]
    workers_more: int
    roads: Ratios | None
    bands: Sequence[RoadLine]
    areas: Sequence[RoadLine]
    areas_more: int
    windows: Mapping[str, Window]

    @property
    def is_empty(self) -> bool:
        """Whether the forecasts rest on the stated beginnings alone."""
        return not (self.work or self.roads or self.windows)


def read_learned(session: Session, *, service: int | None, band: int | None) -> Learned:
    """Return what has been learned; with a `service` (its id) its technicians, with a `band` (its first minute) its
    areas."""
    habits = current_habits(session)
    state = session.get(Learning, 1)
    workers, workers_more = _narrow(habits.works, service)
    areas, areas_more = _narrow(habits.ways, band)
    services = {one.id: one for one in session.scalars(select(Service).order_by(Service.id))}
    ids = [key[1] for key, _ in workers]
    names = {row.id: row.name for row in session.execute(select(Technician.id, Technician.name)
             .where(Technician.id.in_(ids)))}  # fmt: skip
    towns = _towns(session) if areas else {}
    return Learned(
        learned_at=state.learned_at if state else None,
        anew_at=state.anew_at if state else None,
        anew_by=_name(session, state.anew_by) if state and state.anew_by else None,
        work=habits.works.get(()),
        works=[WorkLine(services[key[0]], None, ratios) for key, ratios in _broad(habits.works) if key[0] in services],
        workers=[
            WorkLine(services[key[0]], names[key[1]], ratios)
            for key, ratios in workers
            if key[0] in services and key[1] in names
        ],
        workers_more=workers_more,
        roads=habits.ways.get(()),
        bands=_bands(habits),
        areas=[RoadLine(*_reach(key[0]), ratios, towns.get(key[1:], ""), cell_centre(key)) for key, ratios in areas],
        areas_more=areas_more,
        windows=habits.windows,
    )


def _broad(known: Mapping[Key, Ratios]) -> list[tuple[Key, Ratios]]:
    """Return the groups of services or of hours, the most seen first."""
    return sorted(((key, one) for key, one in known.items() if len(key) == 1), key=lambda line: (-line[1].n, line[0]))


def _narrow(known: Mapping[Key, Ratios], of: int | None) -> tuple[list[tuple[Key, Ratios]], int]:
    """Return the narrow groups of one broad one, the most seen first, and how many are left out."""
    found = [(key, one) for key, one in known.items() if len(key) > 1 and key[0] == of]
    found.sort(key=lambda line: (-line[1].n, line[0]))
    return found[:MOST_LINES], max(len(found) - MOST_LINES, 0)


def _bands(habits: Habits) -> list[RoadLine]:
    return [RoadLine(*_reach(begin), habits.ways.get((begin,))) for begin in BANDS]


def _reach(begin: int) -> tuple[int, int]:
    """Return the first minute of a band and of the next: a band that no release knows any more has no end."""
    later = [other for other in BANDS if other > begin]
    return begin, later[0] if later else _DAY_MIN


def _towns(session: Session) -> dict[Key, str]:
    """Return a town for each area in which there are sites: an address there, up to its first number."""
    north, east = func.floor(Site.lat / CELL_LAT), func.floor(Site.lon / CELL_LON)
    rows = session.execute(
        select(north, east, func.min(Site.address)).where(Site.lat.is_not(None)).group_by(north, east)
    )
    return {(int(n), int(e)): town_of(address) for n, e, address in rows}


def town_of(address: str) -> str:
    """Return what a Japanese address says before its first number: `town_of("和歌山市本町1-1")` is 和歌山市本町.

    An address in other letters begins with the house: "".
    """
    town = re.split(r"[0-9０-９]|[一二三四五六七八九十]+丁目", address)[0].strip()
    return town if re.match(r"[\u3040-\u30ff\u4e00-\u9fff]", town) else ""


def _name(session: Session, actor: str) -> str:
    kind, _, number = actor.partition(":")
    name = session.scalar(select(User.name).where(User.id == int(number))) if kind == "user" else None
    return name or actor
