"""What do fifty people want of the same three technicians at the same moment, and did anybody get what was taken?

A round has its own technicians, some visits, one of them for two, and two held times, one of them over. What came of it
is judged by queries of its own, and not by what the product thinks is free.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import combinations
from typing import Any

from geopy.distance import great_circle
from sqlalchemy import Row, delete, func, insert, select

from app.auth import create_api_token
from app.db import Database
from app.models import Absence, Company, Customer, Hold, Service, Site, Technician, Visit, VisitEvent
from app.operations.hold import HELD_FOR
from tests.races.asking import Act, Outcome
from tests.races.crowd import NOW, PEOPLE

#: Around here everybody wants something; the other times are far enough away that only who means them gets near.
BUSY_AT = NOW + timedelta(days=1, hours=1)
HELD_AT = BUSY_AT + timedelta(hours=11)
#: Somebody is going to be away for these two hours, while others book them.
AWAY_AT, AWAY_FOR = BUSY_AT + timedelta(hours=22), timedelta(hours=2)
#: Three doors near one another, one 40 km away, one 110 km away, and one that nobody has located yet.
PLACES = ((34.70, 135.50), (34.71, 135.51), (34.69, 135.48), (34.69, 135.06), (34.39, 136.55), (None, None))
#: Straight-line pace that the rule calls possible, kilometres a minute; great circles differ from its own by 0.3 %.
FASTEST_KM_MIN, TOLERATED = 1.0, 0.995
SERVICE = 101
_BUSINESS = {"overlap", "unreachable", "held", "visit_over", "closed"}


@dataclass(frozen=True, slots=True)
class Scene:
    """One round's technicians, the visits of one each, the one of two, and the token of the time that is held."""

    technicians: tuple[int, int, int]
    visits: tuple[int, int, int]
    of_two: int
    held: str


def found_company(db: Database) -> str:
    """Make the company in which all rounds are played, and return an API token."""
    with db.write() as session:
        session.execute(insert(Company), {"name": "Races", "short_name": "Races", "phone": "+81312345678"})
        session.execute(insert(Service), {"id": SERVICE, "name_ja": "訪問", "name_en": "Visit", "duration_min": 60})
        customer = {"id": 1, "name": "山田", "language": "ja", "mobile": "+819012345678", "created_at": NOW}
        session.execute(insert(Customer), customer)
        for number, (lat, lon) in enumerate(PLACES, 1):
            place = {"id": number, "customer_id": 1, "address": f"{number}", "lat": lat, "lon": lon}
            session.execute(insert(Site), {**place, "located_by": "given" if lat else ""})
        return create_api_token(session, name="races", role="dispatcher", now=NOW)


def prepare(db: Database, rounds: int) -> list[Scene]:
    """Make the technicians of some rounds, with a visit each, one of two, a time that is held, and one that was."""
    scenes = []
    with db.write() as session:
        for _ in range(rounds):
            people = [Technician(name=f"T{number}", created_at=NOW) for number in range(3)]
            session.add_all(people)
            session.flush()
            first, second, third = (one.id for one in people)
            visits = [
                _visit(BUSY_AT + timedelta(hours=number), number + 1, who)
                for number, who in enumerate((first, second, third))
            ]
            visits.append(_visit(BUSY_AT + timedelta(hours=7), 1, first, second_technician_id=second))
            session.add_all(visits)
            session.flush()
            session.add(_visit(visits[3].planned_from_at, 1, second, beside_id=visits[3].id))
            told = {"at": NOW, "recorded_at": NOW, "kind": "booked", "actor": "races"}
            session.add_all(VisitEvent(visit_id=visit.id, **told) for visit in visits)
            held = _hold(first, NOW)
            session.add_all([held, _hold(second, NOW - HELD_FOR - timedelta(minutes=1))])
            ids = visits[0].id, visits[1].id, visits[2].id
            scenes.append(Scene((first, second, third), ids, visits[3].id, held.token))
    return scenes


def _visit(at: datetime, site: int, technician: int, **more: int) -> Visit:
    return Visit(
        customer_id=1, site_id=site, service_id=SERVICE, technician_id=technician, created_at=NOW,
        link_token=f"{technician}-{at:%H}", promised_from_at=at, promised_until_at=at, planned_from_at=at,
        planned_until_at=at + timedelta(hours=1), duration_min=60, **more,
    )  # fmt: skip


def _hold(technician: int, since: datetime) -> Hold:
    lat, lon = PLACES[0]
    return Hold(
        token=f"held-{technician}", technician_id=technician, from_at=HELD_AT, until_at=HELD_AT + timedelta(hours=1),
        lat=lat, lon=lon, held_by="races", created_at=since, expires_at=since + HELD_FOR,
    )  # fmt: skip


def wishes(scene: Scene, chance: random.Random) -> list[Act]:
    """Return what everybody asks at once."""
    first, second, third = scene.technicians
    conditional, free, ending = (f"/visits/{visit}" for visit in scene.visits)
    of_two = f"/visits/{scene.of_two}"

    def moment() -> datetime:
        return BUSY_AT + timedelta(minutes=chance.randrange(-60, 240, 5))

    def while_away() -> datetime:
        return AWAY_AT + timedelta(minutes=chance.randrange(-60, 120, 15))

    def book(group: str, technician: int, site: int, at: datetime, minutes: int = 60, width: int = 0) -> Act:
        body = {
            "customer": 1, "site": site, "service": SERVICE, "technician": technician, "duration_min": minutes,
            "promised_from": at.isoformat(), "promised_until": (at + timedelta(minutes=width)).isoformat(),
        }  # fmt: skip
        return Act(group, "POST", "/visits", body)

    def for_two(act: Act) -> Act:
        others = [one for one in scene.technicians if one != act.body["technician"]]
        return Act("two", act.method, act.path, {**act.body, "second_technician": chance.choice(others)})

    def anywhere() -> Act:
        width, minutes = chance.choice([0, 0, 30, 120]), chance.choice([30, 60, 90])
        return book("anywhere", chance.choice(scene.technicians), chance.randint(1, 6), moment(), minutes, width)

    def hold() -> Act:
        lat, lon = chance.choice(PLACES)
        at = moment().isoformat()
        body = {"technician": chance.choice(scene.technicians), "starts_at": at, "duration_min": 60}
        return Act("hold", "POST", "/holds", {**body, **({"lat": lat, "lon": lon} if lat else {})})

    def move(group: str, path: str, version: int | None = None) -> Act:
        to = {"technician": chance.choice(scene.technicians)} if chance.random() < 0.7 else {}
        when = {"promised_from": moment().isoformat()} if not to or chance.random() < 0.5 else {}
        return Act(group, "PATCH", path, {**to, **when, "tell": "no"}, version)

    def move_two() -> Act:
        """Move it, hand over to the third who goes first or along, or send nobody along any more."""
        what: dict[str, Any] = chance.choice([
            {"promised_from": moment().isoformat()}, {"promised_from": moment().isoformat(), "technician": third},
            {"technician": third}, {"second_technician": third}, {"second_technician": None},
        ])  # fmt: skip
        return Act("of_two", "PATCH", of_two, {**what, "tell": "no"})

    def away() -> Act:
        times = {"from": AWAY_AT.isoformat(), "until": (AWAY_AT + AWAY_FOR).isoformat()}
        return Act("away", "POST", "/absences", {"technician": third, **times})

    at_once = BUSY_AT + timedelta(hours=4, minutes=30)
    holding = book("holder", first, 1, HELD_AT)
    acts = [
        *(book("one_time", third, 1, at_once) for _ in range(7)),
        *(anywhere() for _ in range(5)),
        *(for_two(anywhere()) for _ in range(4)),
        *(hold() for _ in range(5)),
        *(move("conditional", conditional, 1) for _ in range(5)),
        *(move("free", free) for _ in range(4)),
        *(move_two() for _ in range(3)),
        *(move("ending", ending) for _ in range(2)),
        *(Act("cancel", "PATCH", ending, {"status": "cancelled", "tell": "no"}) for _ in range(2)),
        *(Act("holder", "POST", "/visits", {**holding.body, "hold": scene.held}) for _ in range(2)),
        *(book("barred", first, 1, HELD_AT + timedelta(minutes=chance.choice((-30, 0, 30)))) for _ in range(2)),
        *(book("over", second, 1, HELD_AT) for _ in range(2)),
        *(away() for _ in range(2)),
        *(book("while_away", third, chance.randint(1, 3), while_away()) for _ in range(3)),
        Act("free", "PATCH", free, {"technician": third, "promised_from": while_away().isoformat(), "tell": "no"}),
        for_two(book("two", third, 1, while_away())),
    ]
    chance.shuffle(acts)
    assert len(acts) == PEOPLE
    return acts


def wrongs(db: Database, scene: Scene, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield everything that must not have happened in a round."""
    yield from _answers(outcomes)
    won = Counter(one.act.group for one in outcomes if one.status in (200, 201))
    for group, least, most in (
        ("one_time", 0, 1), ("conditional", 0, 1), ("cancel", 1, 1), ("holder", 1, 1), ("barred", 0, 0), ("over", 1, 1),
        ("away", 2, 2),
    ):  # fmt: skip
        if not least <= won[group] <= most:
            yield f"{won[group]} won of {group}"
    visits, holds, noted = _left(db, scene)
    yield from _plans(scene, visits, holds)
    yield from _pairs(visits)
    yield from _away(scene, visits, outcomes)
    changes = won["conditional"], won["free"], won["ending"] + won["cancel"], won["of_two"]
    version_of = {visit.id: visit.version for visit in visits}
    for visit, changed in zip((*scene.visits, scene.of_two), changes, strict=True):
        if (version_of[visit], noted[visit]) != (1 + changed, 1 + changed):
            yield f"version {version_of[visit]} and {noted[visit]} entries after {changed} changes"
    booked = sum(visit.beside_id is None for visit in visits)
    made = sum(one.status == 201 and one.act.path == "/visits" for one in outcomes)
    if booked != 4 + made:
        yield f"{booked} visits stand after {made} were promised"


def _answers(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for one in outcomes:
        reason = one.reply.get("reason")
        if one.act.group == "of_two" and one.status == 422:
            continue  # who goes along already cannot go first as well
        if one.status not in (200, 201, 409, 412) or (one.status == 409 and reason not in _BUSINESS):
            yield f"{one.act.group} was answered {one.status} {reason or one.reply.get('type', '')}"
        if one.status == 412 and one.act.if_match is None:
            yield f"{one.act.group} was answered 412 without a condition"


Rows = Sequence[Row[Any]]


def _left(db: Database, scene: Scene) -> tuple[Rows, Rows, Mapping[int, int]]:
    """Return what a round has left: the technicians' visits, the held times that count, the entries of each visit.

    What is held and who is away is forgotten then, so that all rounds have equally much to search.
    """
    people = Visit.technician_id.in_(scene.technicians)
    visits = (
        select(
            Visit.id, Visit.beside_id, Visit.technician_id, Visit.second_technician_id, Visit.status, Visit.version,
            Visit.planned_from_at, Visit.planned_until_at, Site.lat, Site.lon,
        )
        .join(Site, Site.id == Visit.site_id)
        .where(people)
    )  # fmt: skip
    holds = select(Hold.technician_id, Hold.from_at, Hold.until_at, Hold.lat, Hold.lon)
    noted = select(VisitEvent.visit_id, func.count()).join(Visit).where(people).group_by(VisitEvent.visit_id)
    with db.write() as session:
        their = Hold.technician_id.in_(scene.technicians)
        found = session.execute(visits).all(), session.execute(holds.where(their, Hold.expires_at > NOW)).all()
        entries = {row[0]: row[1] for row in session.execute(noted)}
        session.execute(delete(Hold).where(their).execution_options(synchronize_session=False))
        taken = delete(Absence).where(Absence.technician_id.in_(scene.technicians))
        session.execute(taken.execution_options(synchronize_session=False))
    return *found, entries


def _plans(scene: Scene, visits: Rows, holds: Rows) -> Iterator[str]:
    """Yield what overlaps or cannot be reached in the technicians' plans and held times."""
    standing = [
        (one.technician_id, one.planned_from_at, one.planned_until_at, one.lat, one.lon, "visit")
        for one in visits
        if one.status != "cancelled"
    ]
    rows = [*standing, *((*one, "hold") for one in holds)]
    for person in scene.technicians:
        own = sorted((row[1:] for row in rows if row[0] == person), key=lambda row: row[:2])
        for (_, until, lat, lon, kind), (begin, _, next_lat, next_lon, next_kind) in combinations(own, 2):
            gap_min = (begin - until).total_seconds() / 60
            if gap_min < 0:
                yield f"{kind} and {next_kind} overlap"
            elif None not in (lat, next_lat) and gap_min < TOLERATED * _way_km(lat, lon, next_lat, next_lon):
                yield f"{kind} and {next_kind} cannot be reached"


@cache
def _way_km(lat: float, lon: float, next_lat: float, next_lon: float) -> float:
    return float(great_circle((lat, lon), (next_lat, next_lon)).km) / FASTEST_KM_MIN


def _pairs(visits: Rows) -> Iterator[str]:
    """Yield visits whose second technician is not there at the same time, or there for nothing."""
    beside = [
        (one.beside_id, one.technician_id, one.planned_from_at, one.planned_until_at)
        for one in visits
        if one.beside_id is not None and one.status != "cancelled"
    ]
    for first in visits:
        if first.beside_id is not None:
            continue
        stands = first.status != "cancelled" and first.second_technician_id is not None
        wanted = (first.id, first.second_technician_id, first.planned_from_at, first.planned_until_at)
        found = [one for one in beside if one[0] == first.id]
        if found != ([wanted] if stands else []):
            yield f"{len(found)} beside a visit that wants {int(stands)}"


def _away(scene: Scene, visits: Rows, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield visits in time taken off that whoever took it was not told of: they were booked afterwards."""
    third = scene.technicians[2]
    inside = {
        one.id
        for one in visits
        if one.technician_id == third
        and one.status != "cancelled"
        and one.planned_from_at < AWAY_AT + AWAY_FOR
        and one.planned_until_at > AWAY_AT
    }
    told = [one.reply["in_the_way"] for one in outcomes if one.act.group == "away" and one.status == 201]
    for known in told:
        if untold := inside - {one["visit"] for one in known}:
            yield f"{len(untold)} visits booked in time that was taken off"
