"""Keep what the customers know of the company: its names, its number, who signs."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import Company, Service
from app.operations.checks import tell
from app.operations.contact import phone_e164
from app.rules.invoice import check_digit_fits, read_registration_number

#: Every character of an SMS costs; a longer name leaves no room for the news.
SHORT_NAME = 10
#: Two weeks: whoever wants longer takes no changes.
MOST_MOVE_H = 336
#: Of a line on an invoice.
MOST_LINE = 120
MOST_PAY_DAYS = 120
#: Renamed or joined by others in the office pages.
FIRST_SERVICE = {
    "name_ja": "訪問サポート",
    "name_en": "On-site support",
    "duration_min": 60,
    "price_code": "pc-setup",
}
_MOST = {"name": 80, "short_name": SHORT_NAME, "phone_hours": 40, "sender_role": 20, "sender_name": 40}


def find_company(session: Session) -> Company | None:
    """Return the company; there is one, or none yet before it was set up."""
    return session.get(Company, 1)


def set_company(
    session: Session,
    *,
    name: str,
    short_name: str,
    phone: str,
    phone_hours: str,
    sender_role: str,
    sender_name: str,
    country: str,
) -> Company:
    """Write down who the company is; there is one. A new company gets a first service, so that it can book at once.

    Raises Invalid naming the fields.
    """
    given = {
        "name": name,
        "short_name": short_name,
        "phone_hours": phone_hours,
        "sender_role": sender_role,
        "sender_name": sender_name,
    }
    given = {field: text.strip() for field, text in given.items()}
    problems = [Problem(field, "missing") for field in ("name", "short_name") if not given[field]]
    problems += [
        Problem(field, "too_long", {"most": most}) for field, most in _MOST.items() if len(given[field]) > most
    ]
    number = tell(problems, lambda: phone_e164(phone, country, "phone"))
    if number is None and not any(problem.field == "phone" for problem in problems):
        problems.append(Problem("phone", "missing"))
    if problems or number is None:
        raise Invalid(problems)
    company = find_company(session) or Company(id=1)
    for field, text in given.items():
        setattr(company, field, text)
    company.phone = number
    session.add(company)
    if session.scalar(select(Service.id).limit(1)) is None:
        session.add(Service(**FIRST_SERVICE))
    session.flush()
    return company


def set_self_service(session: Session, *, move_h: int, cancel: bool) -> None:
    """Set until how many hours before the promise customers move their visits (0: never), and whether they cancel them.

    Raises Invalid naming the field.
    """
    if not 0 <= move_h <= MOST_MOVE_H:
        raise Invalid.one("self_move_h", "range", least=0, most=MOST_MOVE_H)
    company = session.get_one(Company, 1)
    company.self_move_h, company.self_cancel = move_h, cancel


def set_longest_day(session: Session, minutes: int) -> None:
    """Set how long a working day may be planned, from leaving to being back; 0: as long as it takes."""
    session.get_one(Company, 1).most_day_min = minutes


def set_papers(
    session: Session,
    *,
    address: str,
    registration_number: str,
    sole_proprietor: bool,
    pay_to: str,
    country: str,
    representative: str = "",
    pay_days: int = 30,
) -> None:
    """Set what invoices say of the company; what was issued stays as it is. Raises Invalid naming the fields.

    In Japan a number is T and thirteen digits, and a firm's check digit fits (rules.invoice.check_digit_fits).
    """
    given = {
        "address": address.strip(),
        "registration_number": registration_number.strip(),
        "pay_to": pay_to.strip(),
        "representative": representative.strip(),
    }
    long = [name for name, said in given.items() if len(said) > MOST_LINE]
    problems = [Problem(name, "too_long", {"most": MOST_LINE}) for name in long]
    if not 0 <= pay_days <= MOST_PAY_DAYS:
        problems.append(Problem("pay_days", "range", {"least": 0, "most": MOST_PAY_DAYS}))
    if country == "JP" and given["registration_number"]:
        number = read_registration_number(given["registration_number"])
        if number is None:
            problems.append(Problem("registration_number", "registration_number"))
        elif not sole_proprietor and not check_digit_fits(number):
            problems.append(Problem("registration_number", "check_digit"))
        given["registration_number"] = number or ""
    if problems:
        raise Invalid(problems)
    company = find_company(session)
    if company is not None:
        for name, said in given.items():
            setattr(company, name, said)
        company.sole_proprietor, company.pay_days = sole_proprietor, pay_days
