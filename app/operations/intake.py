"""Take in lists from elsewhere: customers and visits as CSV, every row or none, and twice is no harm.

The first row names the columns, in Japanese or English. A row that is known already changes nothing, so a file can be
mended and sent again. Known means: a customer of the same name with the same number, mail or site address; a visit of
the same service at the same site at the same promised time.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session, selectinload

from app.errors import Conflict, Invalid, Problem
from app.models import Customer, Service, Site, Technician, Visit
from app.operations.appointment import book
from app.operations.booking import LONGEST_NOTE
from app.operations.checks import tell
from app.operations.contact import email_address, mobile_e164, phone_e164
from app.operations.customer import NewSite, add_site, create_customer
from app.operations.spreadsheet import Row, key, read_rows
from app.rules.booking import LONGEST_VISIT_MIN
from app.rules.calendar import YEARS

MOST_ROWS = 20_000
#: More would be read by nobody; the first ones show what is wrong with the file.
MOST_PROBLEMS = 200

CUSTOMER_COLUMNS = {
    "name": ("name", "氏名", "名前", "お客様名", "顧客名"),
    "kind": ("kind", "区分", "個人法人"),
    "language": ("language", "言語"),
    "mobile": ("mobile", "携帯", "携帯電話", "携帯番号"),
    "phone": ("phone", "電話", "電話番号", "固定電話"),
    "email": ("email", "e-mail", "メール", "メールアドレス"),
    "line_id": ("line_id", "lineid"),
    "address": ("address", "住所", "訪問先", "訪問先住所"),
    "lat": ("lat", "緯度"),
    "lon": ("lon", "経度"),
    "likes_time": ("likes_time", "希望時間帯"),
    "likes_technician": ("likes_technician", "希望担当者"),
    # Several are parted by a semicolon.
    "avoids": ("avoids", "避ける担当者"),
}
VISIT_COLUMNS = {
    "customer": ("customer", "お客様", "お客様名", "顧客名"),
    "address": ("address", "住所", "訪問先", "訪問先住所"),
    "service": ("service", "サービス", "作業", "作業内容"),
    "promised_from": ("promised_from", "約束開始", "開始"),
    "promised_until": ("promised_until", "約束終了", "終了"),
    "duration_min": ("duration_min", "所要時間(分)", "所要分", "作業時間(分)"),
    "technician": ("technician", "担当", "担当者"),
    "second_technician": ("second_technician", "同行者", "同行", "2人目", "2人目の担当者"),
    "note": ("note", "備考", "メモ"),
    # What only our own lists have; nothing is read from it.
    "status": ("status", "状態"),
}
_KINDS = {"": "individual", "個人": "individual", "法人": "corporate"}
_LANGUAGES = {"": "ja", "日本語": "ja", "英語": "en"}
_TIMES = {"午前": "morning", "午後": "afternoon", "夕方": "evening", "夕方以降": "evening"}

R = TypeVar("R")


#: Called with how many rows are taken, and how many there are.
Progress = Callable[[int, int], None]
#: So often, in rows.
TOLD_EVERY = 100


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows brought something new, and how many were known already."""

    added: int
    known: int
    #: The numbers of the rows that were new, as a spreadsheet shows them.
    new_rows: tuple[int, ...] = field(default=(), compare=False, repr=False)


def import_customers(
    session: Session,
    file: bytes,
    *,
    now: datetime,
    country: str,
    progress: Progress | None = None,
    only: Collection[int] | None = None,
) -> Imported:
    """Add the customers and sites of a CSV file (UTF-8 or Shift_JIS); one row a site; of all rows, or `only` of some.

    Needs the columns name and address. Raises Invalid naming row and column of everything that is wrong; then nothing
    may be kept.
    """
    known: dict[str, list[Customer]] = defaultdict(list)
    for customer in session.scalars(select(Customer).options(selectinload(Customer.sites))):
        known[key(customer.name)].append(customer)
    people = _named(session.scalars(select(Technician)).all())
    return _each_row(
        file,
        CUSTOMER_COLUMNS,
        ("name", "address"),
        lambda row: _take_customer(session, row, known, people, now, country),
        progress,
        only,
    )


def import_visits(
    session: Session,
    file: bytes,
    *,
    now: datetime,
    zone: tzinfo,
    actor: str,
    progress: Progress | None = None,
    only: Collection[int] | None = None,
    known: Known | None = None,
) -> Imported:
    """Book the visits of a CSV file (UTF-8 or Shift_JIS), of all rows or `only` of some; times without an offset are
    local to `zone`. What is read of it once is `known` the next time.

    Needs the columns customer, service and promised_from; customer, service and technician are names or our numbers.
    An end may be a time of the same day. Raises Invalid naming row and column of everything that is wrong, clashes with
    other visits too; then nothing may be kept.
    """
    known = known if known is not None else Known()
    if known.places is None:
        known.places = _Places(
            customers=session.scalars(select(Customer).options(selectinload(Customer.sites))).all(),
            services=session.scalars(select(Service).where(Service.active)).all(),
            technicians=session.scalars(select(Technician).where(Technician.active)).all(),
        )
    places = known.places
    booked = _Booked(session)
    if session.get_bind().dialect.name != "sqlite":
        # A plan that was made while there were few visits, and is kept, reads all of them for every row.
        session.execute(text("SET LOCAL plan_cache_mode = force_custom_plan"))
    return _each_row(
        file,
        VISIT_COLUMNS,
        ("customer", "service", "promised_from"),
        lambda row: _take_visit(session, row, places, booked, now, zone, actor),
        progress,
        only,
        known,
    )


def _each_row(
    file: bytes,
    columns: Mapping[str, Sequence[str]],
    needed: Sequence[str],
    take: Callable[[Row], bool],
    progress: Progress | None,
    only: Collection[int] | None,
    known: Known | None = None,
) -> Imported:
    """Take every row in turn, and tell of all the wrong ones together."""
    problems: list[Problem] = []
    new_rows: list[int] = []
    rows = known.rows if known and known.rows else list(islice(read_rows(file, columns, needed), MOST_ROWS + 1))
    if known is not None:
        known.rows = rows
    if len(rows) > MOST_ROWS:
        raise Invalid.one("file", "too_many", most=MOST_ROWS)
    if only is not None:
        rows = [row for row in rows if row.number in only]
    for done, row in enumerate(rows):
        if progress and done % TOLD_EVERY == 0:
            progress(done, len(rows))
        try:
            if take(row):
                new_rows.append(row.number)
        except Invalid as error:
            problems += [replace(p, field=row.field(p.field.removeprefix("sites[0]."))) for p in error.problems]
        except Conflict as clash:
            problems.append(Problem(row.field("promised_from"), clash.code, clash.facts))
        if len(problems) >= MOST_PROBLEMS:
            break
    if problems:
        raise Invalid(problems)
    if progress:
        progress(len(rows), len(rows))
    return Imported(len(new_rows), len(rows) - len(new_rows), tuple(new_rows))


def _take_customer(
    session: Session,
    row: Row,
    known: dict[str, list[Customer]],
    people: Mapping[str, Sequence[Technician]],
    now: datetime,
    country: str,
) -> bool:
    """Add what a row says about a customer; return whether it was news."""
    likes = _likes(row, people)
    contacts: dict[str, Any] = {
        "mobile": mobile_e164(row["mobile"], country, "mobile"),
        "phone": phone_e164(row["phone"], country, "phone"),
        "email": email_address(row["email"], "email"),
        "line_id": row["line_id"] or None,
    }
    site = NewSite(row["address"], _degrees(row, "lat"), _degrees(row, "lon"))
    same_name = known[key(row["name"])]
    same = [customer for customer in same_name if _is_same(customer, contacts, site)]
    if len(same) > 1:
        raise Invalid.one("name", "ambiguous")
    if not same:
        kind, language = row["kind"], row["language"]
        customer = create_customer(
            session,
            name=row["name"],
            kind=_KINDS.get(kind, kind),
            language=_LANGUAGES.get(language, language),
            **contacts,
            sites=[site],
            **likes,
            now=now,
            country=country,
        )
        same_name.append(customer)
        return True
    (customer,) = same
    differing = [
        Problem(name, "differs") for name, value in contacts.items() if value not in (None, getattr(customer, name))
    ]
    kept = {
        "likes_time": customer.likes_time,
        "likes_technician": customer.likes_technician_id,
        "avoids": sorted(customer.avoids),
    }
    differing += [Problem(name, "differs") for name, value in likes.items() if value and value != kept[name]]
    if differing:
        raise Invalid(differing)
    if any(key(place.address) == key(site.address) for place in customer.sites):
        return False
    customer.sites.append(add_site(session, customer.id, site))
    return True


def _likes(row: Row, people: Mapping[str, Sequence[Technician]]) -> dict[str, Any]:
    """Return what a row says that a customer likes. Raises Invalid."""
    who = _one(people, row, "likes_technician").id if row["likes_technician"] else None
    avoids = set()
    for name in re.split("[;；、]", row["avoids"]):
        if name.strip():
            avoids.add(_one(people, replace(row, cells={"avoids": name.strip()}), "avoids").id)
    return {
        "likes_time": _TIMES.get(row["likes_time"], row["likes_time"]),
        "likes_technician": who,
        "avoids": sorted(avoids),
    }


def _named(technicians: Sequence[Technician]) -> dict[str, list[Technician]]:
    """Return technicians by what a row can call them: names, and our numbers."""
    found: dict[str, list[Technician]] = defaultdict(list)
    for technician in technicians:
        for name in (key(technician.name), str(technician.id)):
            found[name].append(technician)
    return found


def _is_same(customer: Customer, contacts: Mapping[str, str | None], site: NewSite) -> bool:
    if any(value is not None and value == getattr(customer, name) for name, value in contacts.items()):
        return True
    return any(key(place.address) == key(site.address) for place in customer.sites)


def _degrees(row: Row, column: str) -> float | None:
    if not row[column]:
        return None
    try:
        return float(row[column])
    except ValueError:
        raise Invalid.one(column, "position") from None


@dataclass
class Known:
    """What a list of visits says, and whom and what it can mean: read once for a list that is gone through again."""

    places: _Places | None = None
    rows: list[Row] | None = None


class _Places:
    """Whom and what the rows of a visit list can mean."""

    def __init__(
        self, customers: Sequence[Customer], services: Sequence[Service], technicians: Sequence[Technician]
    ) -> None:
        self.customers: dict[str, list[Customer]] = defaultdict(list)
        self.services: dict[str, list[Service]] = defaultdict(list)
        self.technicians = _named(technicians)
        for customer in customers:
            self.customers[key(customer.name)].append(customer)
            self.customers[str(customer.id)].append(customer)
        for service in services:
            for name in {key(service.name_ja), key(service.name_en), str(service.id)}:
                self.services[name].append(service)

    def site(self, row: Row) -> Site:
        """Return the one site that a row means. Raises Invalid."""
        meant = self.customers.get(key(row["customer"]), [])
        sites = [site for customer in meant for site in customer.sites]
        if meant and row["address"]:
            sites = [site for site in sites if key(site.address) == key(row["address"])]
        if not sites:
            raise Invalid.one("address" if meant else "customer", "unknown")
        if len(sites) > 1:
            raise Invalid.one("customer" if row["address"] else "address", "ambiguous")
        return sites[0]


class _Booked:
    """Which visits are booked already: read once for each day, instead of asked for each row."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._days: dict[date, set[tuple[int, int, datetime]]] = {}

    def on_day_of(self, at: datetime) -> set[tuple[int, int, datetime]]:
        """Return site, service and promised time of every visit of a day; what is booked now is added by who books."""
        begins_at = at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        if begins_at.date() not in self._days:
            that_day = Visit.promised_from_at >= begins_at, Visit.promised_from_at < begins_at + timedelta(days=1)
            found = self._session.execute(
                select(Visit.site_id, Visit.service_id, Visit.promised_from_at).where(*that_day)
            )
            self._days[begins_at.date()] = {(site, service, from_at) for site, service, from_at in found}
        return self._days[begins_at.date()]


def _take_visit(
    session: Session, row: Row, places: _Places, booked: _Booked, now: datetime, zone: tzinfo, actor: str
) -> bool:
    """Book the visit of a row, unless it is booked already; return whether it was news."""
    problems: list[Problem] = []
    site = tell(problems, lambda: places.site(row))
    service = tell(problems, lambda: _one(places.services, row, "service"))
    technician = tell(problems, lambda: _one(places.technicians, row, "technician")) if row["technician"] else None
    second = (
        tell(problems, lambda: _one(places.technicians, row, "second_technician")) if row["second_technician"] else None
    )
    from_at = tell(problems, lambda: _local(row, "promised_from", zone, None))
    until_at = from_at
    if from_at is not None and row["promised_until"]:
        until_at = tell(problems, lambda: _local(row, "promised_until", zone, from_at))
    minutes = tell(problems, lambda: _minutes(row)) if row["duration_min"] else None
    if len(row["note"]) > LONGEST_NOTE:
        problems.append(Problem("note", "too_long", {"most": LONGEST_NOTE}))
    if "\0" in row["note"]:
        problems.append(Problem("note", "characters"))
    if site is None or service is None or from_at is None or until_at is None or problems:
        raise Invalid(problems)
    that_day, this = booked.on_day_of(from_at), (site.id, service.id, from_at)
    if this in that_day:
        return False
    book(
        session,
        zone=zone,
        customer_id=site.customer_id,
        site_id=site.id,
        service_id=service.id,
        promised_from_at=from_at,
        promised_until_at=until_at,
        duration_min=minutes,
        technician_id=None if technician is None else technician.id,
        second_technician_id=None if second is None else second.id,
        note=row["note"],
        now=now,
        actor=actor,
    )
    that_day.add(this)
    return True


def _one(known: Mapping[str, Sequence[R]], row: Row, column: str) -> R:
    """Return the one thing that a cell names. Raises Invalid."""
    found = known.get(key(row[column]), ())
    if len(found) != 1:
        raise Invalid.one(column, "ambiguous" if found else "unknown" if row[column] else "missing")
    return found[0]


def _minutes(row: Row) -> int:
    typed = unicodedata.normalize("NFKC", row["duration_min"])
    if not (typed.isascii() and typed.isdigit() and len(typed) <= 6):
        raise Invalid.one("duration_min", "range", least=1, most=LONGEST_VISIT_MIN)
    return int(typed)


def _local(row: Row, column: str, zone: tzinfo, day_of: datetime | None) -> datetime:
    """Return the instant of a cell: local time, or with an offset; a time alone is on the day of `day_of`."""
    typed = unicodedata.normalize("NFKC", row[column]).replace("/", "-")
    if day_of is not None and re.fullmatch(r"\d{1,2}:\d\d", typed):
        typed = f"{day_of.astimezone(zone):%Y-%m-%d} {typed}"
    for form in ("%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M%z"):
        try:
            at = datetime.strptime(typed, form)  # noqa: DTZ007  # what is naive gets the zone below
        except ValueError:
            continue
        if at.year in YEARS:
            return at if at.tzinfo is not None else at.replace(tzinfo=zone)
    raise Invalid.one(column, "local_time")
