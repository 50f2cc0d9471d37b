"""Take in customers and the places where they are visited, and find them again."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, selectinload

from app.errors import Invalid, NotFound, Problem
from app.i18n import LOCALES
from app.models import Customer, Site, Visit
from app.operations.checks import tell, tell_choice, tell_position, tell_text
from app.operations.consent import another_address
from app.operations.contact import email_address, mobile_e164, phone_e164
from app.operations.liking import fill_liking
from app.operations.listing import Listed, Page, contains, id_of, listed, page_of
from app.operations.locating import settle_located
from app.operations.turn import lock_technicians, look_again
from app.rules.quiet import WISHES
from app.rules.reach import CHANNELS
from app.rules.visit import OPEN

KINDS = ("individual", "corporate")
LONGEST_NAME = 100
LONGEST_ADDRESS = 300
LONGEST_LINE_ID = 64
MOST_SITES = 200


@dataclass(frozen=True, slots=True)
class NewSite:
    """A place to be visited, as it was typed; without a position it is located later."""

    address: str
    lat: float | None = None
    lon: float | None = None


def create_customer(
    session: Session,
    *,
    name: str,
    now: datetime,
    country: str,
    kind: str = "individual",
    language: str = "ja",
    mobile: str | None = None,
    phone: str | None = None,
    email: str | None = None,
    line_id: str | None = None,
    notices: str = "all",
    first_channel: str | None = None,
    likes_time: str = "",
    likes_technician: int | None = None,
    avoids: Sequence[int] = (),
    sites: Sequence[NewSite] = (),
) -> Customer:
    """Add a customer with the places to visit; numbers become E.164, `country` is meant where they have no code.

    Raises Invalid naming every field that is wrong (`mobile`, `sites[0].address`).
    """
    customer = Customer(created_at=now)
    problems = _fill(customer, name, kind, language, mobile, phone, email, line_id, country)
    problems += _fill_wishes(customer, notices, first_channel)
    problems += fill_liking(session, customer, likes_time, likes_technician, avoids)
    if len(sites) > MOST_SITES:
        problems.append(Problem("sites", "too_many", {"most": MOST_SITES}))
    customer.sites = [_site(problems, f"sites[{index}].", site) for index, site in enumerate(sites[:MOST_SITES])]
    if problems:
        raise Invalid(problems)
    session.add(customer)
    session.flush()
    return customer


def change_customer(
    session: Session,
    customer_id: int,
    *,
    name: str,
    country: str,
    kind: str,
    language: str,
    mobile: str | None,
    phone: str | None,
    email: str | None,
    line_id: str | None,
    notices: str,
    first_channel: str | None,
    now: datetime,
    likes_time: str = "",
    likes_technician: int | None = None,
    avoids: Sequence[int] = (),
) -> Customer:
    """Write a customer's facts anew; messages that wait go to the new address, and what another wish lets be said is
    decided at once. Raises NotFound, Invalid."""
    customer = session.get(Customer, customer_id)
    if customer is None:
        raise NotFound("customer")
    technicians = _awaited_from(session, customer) if notices != customer.notices else ()
    lock_technicians(session, *technicians)  # before the customer's row, as who answers by a link does
    before = _addresses(customer)
    with session.no_autoflush:
        problems = _fill(customer, name, kind, language, mobile, phone, email, line_id, country)
        problems += _fill_wishes(customer, notices, first_channel)
        problems += fill_liking(session, customer, likes_time, likes_technician, avoids)
    if problems:
        session.expunge(customer)
        raise Invalid(problems)
    session.flush()
    changed = [channel for channel, address in _addresses(customer).items() if address != before[channel]]
    another_address(session, customer_id, changed, "system", now)
    for technician_id in technicians:
        look_again(session, technician_id, now)
    return customer


def change_liking(
    session: Session, customer_id: int, *, likes_time: str, likes_technician: int | None, avoids: Sequence[int]
) -> Customer:
    """Write anew which times and technicians a customer likes, and whom she does not want again. Raises NotFound,
    Invalid naming the fields."""
    customer = find_customer(session, customer_id)
    with session.no_autoflush:
        problems = fill_liking(session, customer, likes_time, likes_technician, avoids)
    if problems:
        session.expunge(customer)
        raise Invalid(problems)
    session.flush()
    return customer


def change_site(session: Session, site_id: int, site: NewSite, now: datetime) -> Site:
    """Write a place's address and position anew; without a position it is looked up again. Raises NotFound, Invalid."""
    known = find_site(session, site_id)
    problems: list[Problem] = []
    changed = _site(problems, "", site)
    if problems:
        raise Invalid(problems)
    known.address, known.lat, known.lon = changed.address, changed.lat, changed.lon
    known.located_by, known.locate_tried_at = changed.located_by, None
    if known.lat is not None:
        settle_located(session, site_id, now)
    session.flush()
    return known


def add_site(session: Session, customer_id: int, site: NewSite) -> Site:
    """Add a place to a customer. Raises NotFound, Invalid naming the fields (`address`, `lat`)."""
    if session.get(Customer, customer_id) is None:
        raise NotFound("customer")
    problems: list[Problem] = []
    added = _site(problems, "", site)
    if problems:
        raise Invalid(problems)
    added.customer_id = customer_id
    session.add(added)
    session.flush()
    return added


def find_customer(session: Session, customer_id: int) -> Customer:
    """Return a customer with its sites. Raises NotFound."""
    customer = session.scalar(select(Customer).where(Customer.id == customer_id).options(selectinload(Customer.sites)))
    if customer is None:
        raise NotFound("customer")
    return customer


def find_site(session: Session, site_id: int) -> Site:
    """Return a place where a customer is visited. Raises NotFound."""
    site = session.get(Site, site_id)
    if site is None:
        raise NotFound("site")
    return site


def page_of_customers(session: Session, *, limit: int, cursor: str | None) -> Page[Customer]:
    """Return customers with their sites, oldest first. Raises Invalid."""
    wanted = select(Customer).where(Customer.id > id_of(cursor)).options(selectinload(Customer.sites))
    rows = session.scalars(wanted.order_by(Customer.id).limit(limit + 1)).all()
    return page_of(rows, limit, lambda customer: str(customer.id))


def list_customers(session: Session, text: str, page: int) -> Listed[Customer]:
    """Return customers by name, narrowed to what a name, number, e-mail address or site address finds."""
    wanted = select(Customer).options(selectinload(Customer.sites)).order_by(Customer.name, Customer.id)
    return listed(session, wanted.where(_customer_is(text)), page)


def customers_found(session: Session, text: str, *, also: int | None, limit: int) -> Sequence[Customer]:
    """Return the customers a caller may be, with their sites, and the one who is chosen already."""
    if not text and also is None:
        return []
    matches = Customer.id == (also or 0)
    if text:
        matches = or_(matches, _customer_is(text))
    return session.scalars(
        select(Customer)
        .where(matches)
        .options(selectinload(Customer.sites))
        .order_by(Customer.id != (also or 0), Customer.name, Customer.id)
        .limit(limit)
    ).all()


def _fill(
    customer: Customer,
    name: str,
    kind: str,
    language: str,
    mobile: str | None,
    phone: str | None,
    email: str | None,
    line_id: str | None,
    country: str,
) -> list[Problem]:
    """Write a customer's facts, checked, and return what is wrong with them."""
    problems: list[Problem] = []
    customer.name = tell_text(problems, "name", name, LONGEST_NAME)
    customer.kind, customer.language = kind, language
    customer.mobile = tell(problems, lambda: mobile_e164(mobile, country, "mobile"))
    customer.phone = tell(problems, lambda: phone_e164(phone, country, "phone"))
    customer.email = tell(problems, lambda: email_address(email, "email"))
    customer.line_id = (line_id or "").strip() or None
    tell_choice(problems, "kind", kind, KINDS)
    tell_choice(problems, "language", language, LOCALES)
    if len(line_id or "") > LONGEST_LINE_ID:
        problems.append(Problem("line_id", "too_long", {"most": LONGEST_LINE_ID}))
    return problems


def _addresses(customer: Customer) -> dict[str, tuple[str | None, ...]]:
    """Return what each way leads to."""
    return {
        "line": (customer.line_id,),
        "sms": (customer.mobile,),
        "voice": (customer.mobile, customer.phone),
        "email": (customer.email,),
    }


def _awaited_from(session: Session, customer: Customer) -> Sequence[int | None]:
    """Return the technicians of a customer's visits that are watched now."""
    watched = Visit.customer_id == customer.id, Visit.status.in_(OPEN), Visit.check_at.is_not(None)
    return session.scalars(select(Visit.technician_id).where(*watched).distinct()).all()


def _fill_wishes(customer: Customer, notices: str, first_channel: str | None) -> list[Problem]:
    """Write what a customer wishes to be told and by which way first, checked; return what is wrong with it."""
    problems: list[Problem] = []
    customer.notices, customer.first_channel = notices, first_channel or None
    tell_choice(problems, "notices", notices, WISHES)
    tell_choice(problems, "first_channel", first_channel or "", ("", *CHANNELS))
    return problems


def _site(problems: list[Problem], prefix: str, site: NewSite) -> Site:
    address = tell_text(problems, f"{prefix}address", site.address, LONGEST_ADDRESS)
    tell_position(problems, prefix, site.lat, site.lon)
    located_by = "given" if site.lat is not None else ""
    return Site(address=address, lat=site.lat, lon=site.lon, located_by=located_by)


def _customer_is(text: str) -> ColumnElement[bool]:
    sites = select(Site.customer_id).where(contains(Site.address, text))
    matches = [contains(Customer.name, text), contains(Customer.email, text), Customer.id.in_(sites)]
    digits = "".join(letter for letter in unicodedata.normalize("NFKC", text) if letter.isdecimal()).lstrip("0")
    if len(digits) >= 3:
        # Numbers are kept with their country code, people type the 0 instead: without it, one finds the other.
        matches += [Customer.mobile.contains(digits), Customer.phone.contains(digits)]
    return or_(*matches)
