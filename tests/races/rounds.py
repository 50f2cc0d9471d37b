"""What do fifty people want of the same three technicians at the same moment, and did anybody get what was taken?

A round has its own technicians, some visits and two held times, one of them over. What came of it is judged by a query
of its own, and not by what the product thinks is free.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import combinations

from geopy.distance import great_circle
from sqlalchemy import insert, text

from app.auth import create_api_token
from app.db import Database
from app.models import Company, Customer, Service, Site, Technician
from app.operations.booking import book_visit
from app.operations.hold import HELD_FOR, hold_time
from tests.races.crowd import NOW, PEOPLE, Act, Outcome

#: Around here everybody wants something; the held times are far enough away that only who means them gets near.
BUSY_AT = NOW + timedelta(days=1, hours=1)
HELD_AT = BUSY_AT + timedelta(hours=11)
#: Three doors near one another, one 40 km away, one 110 km away, and one that nobody has located yet.
PLACES = ((34.70, 135.50), (34.71, 135.51), (34.69, 135.48), (34.69, 135.06), (34.39, 136.55), (None, None))
#: Straight-line pace that the rule calls possible, kilometres a minute; great circles differ from its own by 0.3 %.
FASTEST_KM_MIN, TOLERATED = 1.0, 0.995
SERVICE = 101
_BUSINESS = {"overlap", "unreachable", "held", "visit_over"}


@dataclass(frozen=True, slots=True)
class Scene:
    """One round's technicians, its three visits, and the token of the time that is held."""

    technicians: tuple[int, int, int]
    visits: tuple[int, int, int]
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


def prepare(db: Database) -> Scene:
    """Make a round's technicians, with a visit each, a time that is held, and one that was."""
    with db.write() as session:
        people = [Technician(name=f"T{number}", created_at=NOW) for number in range(3)]
        session.add_all(people)
        session.flush()
        ids = (people[0].id, people[1].id, people[2].id)
        visits = []
        for number, technician in enumerate(ids):
            at = BUSY_AT + timedelta(hours=number)
            visits.append(
                book_visit(
                    session, customer_id=1, site_id=number + 1, service_id=SERVICE, promised_from_at=at,
                    promised_until_at=at, duration_min=60, technician_id=technician, now=NOW, actor="races",
                ).id
            )  # fmt: skip
        lat, lon = PLACES[0]
        common = {"starts_at": HELD_AT, "duration_min": 60, "lat": lat, "lon": lon, "actor": "races"}
        held = hold_time(session, technician_id=ids[0], now=NOW, **common)
        hold_time(session, technician_id=ids[1], now=NOW - HELD_FOR - timedelta(minutes=1), **common)
        return Scene(ids, (visits[0], visits[1], visits[2]), held.token)


def wishes(scene: Scene, chance: random.Random) -> list[Act]:
    """Return what everybody asks at once."""
    first, second, third = scene.technicians
    conditional, free, ending = (f"/visits/{visit}" for visit in scene.visits)

    def moment() -> datetime:
        return BUSY_AT + timedelta(minutes=chance.randrange(-60, 240, 5))

    def book(group: str, technician: int, site: int, at: datetime, minutes: int = 60, width: int = 0) -> Act:
        body = {
            "customer": 1, "site": site, "service": SERVICE, "technician": technician, "duration_min": minutes,
            "promised_from": at.isoformat(), "promised_until": (at + timedelta(minutes=width)).isoformat(),
        }  # fmt: skip
        return Act(group, "POST", "/visits", body)

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

    at_once = BUSY_AT + timedelta(hours=4, minutes=30)
    holding = book("holder", first, 1, HELD_AT)
    acts = [
        *(book("one_time", third, 1, at_once) for _ in range(11)),
        *(anywhere() for _ in range(7)),
        *(hold() for _ in range(6)),
        *(move("conditional", conditional, 1) for _ in range(6)),
        *(move("free", free) for _ in range(6)),
        *(move("ending", ending) for _ in range(2)),
        *(Act("cancel", "PATCH", ending, {"status": "cancelled", "tell": "no"}) for _ in range(2)),
        *(Act("holder", "POST", "/visits", {**holding.body, "hold": scene.held}) for _ in range(3)),
        *(book("barred", first, 1, HELD_AT + timedelta(minutes=late)) for late in (-30, 0, 30)),
        *(book("over", second, 1, HELD_AT) for _ in range(4)),
    ]
    chance.shuffle(acts)
    assert len(acts) == PEOPLE
    return acts


def wrongs(db: Database, scene: Scene, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield everything that must not have happened in a round."""
    yield from _answers(outcomes)
    yield from _plans(db, scene)
    won = Counter(one.act.group for one in outcomes if one.status in (200, 201))
    for group, least, most in (
        ("one_time", 0, 1), ("conditional", 0, 1), ("cancel", 1, 1), ("holder", 1, 1), ("barred", 0, 0), ("over", 1, 1),
    ):  # fmt: skip
        if not least <= won[group] <= most:
            yield f"{won[group]} won of {group}"
    with db.read() as session:
        for visit, changed in zip(
            scene.visits, (won["conditional"], won["free"], won["ending"] + won["cancel"]), strict=True
        ):
            version = session.scalar(text(f"SELECT version FROM visit WHERE id = {visit}"))
            noted = session.scalar(text(f"SELECT count(*) FROM visit_event WHERE visit_id = {visit}"))
            if (version, noted) != (1 + changed, 1 + changed):
                yield f"version {version} and {noted} entries after {changed} changes"
        booked = session.scalar(
            text(f"SELECT count(*) FROM visit WHERE customer_id = 1 AND technician_id IN {scene.technicians}")
        )
        made = sum(one.status == 201 and one.act.path == "/visits" for one in outcomes)
        if booked != 3 + made:
            yield f"{booked} visits stand after {made} were promised"


def _answers(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for one in outcomes:
        reason = one.reply.get("reason")
        if one.status not in (200, 201, 409, 412) or (one.status == 409 and reason not in _BUSINESS):
            yield f"{one.act.group} was answered {one.status} {reason or one.reply.get('type', '')}"
        if one.status == 412 and one.act.if_match is None:
            yield f"{one.act.group} was answered 412 without a condition"


def _plans(db: Database, scene: Scene) -> Iterator[str]:
    """Yield what overlaps or cannot be reached in the technicians' plans and held times, read as plain rows."""
    people = scene.technicians
    visits = (
        "SELECT v.technician_id, v.planned_from_at, v.planned_until_at, s.lat, s.lon, 'visit'"
        f" FROM visit v JOIN site s ON s.id = v.site_id WHERE v.status <> 'cancelled' AND v.technician_id IN {people}"
    )
    holds = (
        "SELECT technician_id, from_at, until_at, lat, lon, 'hold' FROM hold"
        f" WHERE expires_at > '{NOW:%Y-%m-%d %H:%M:%S}' AND technician_id IN {people}"
    )
    with db.read() as session:
        rows = [*session.execute(text(visits)), *session.execute(text(holds))]
    for person in people:
        own = sorted((_at(row[1]), _at(row[2]), row[3], row[4], row[5]) for row in rows if row[0] == person)
        for (_, until, lat, lon, kind), (begin, _, next_lat, next_lon, next_kind) in combinations(own, 2):
            gap_min = (begin - until).total_seconds() / 60
            if gap_min < 0:
                yield f"{kind} and {next_kind} overlap"
            elif None not in (lat, next_lat):
                way_km = great_circle((lat, lon), (next_lat, next_lon)).km
                if gap_min < TOLERATED * way_km / FASTEST_KM_MIN:
                    yield f"{kind} and {next_kind} cannot be reached"


def _at(kept: datetime | str) -> datetime:
    at = datetime.fromisoformat(f"{kept}+00:00") if isinstance(kept, str) else kept
    return at.astimezone(NOW.tzinfo)
