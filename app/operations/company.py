"""Keep what the customers know of the company: its names, its number, who signs."""

from __future__ import annotations

import phonenumbers
from sqlalchemy.orm import Session

from app.errors import Invalid, Problem
from app.models import Company

#: Every character of an SMS costs; a longer name leaves no room for the news.
SHORT_NAME = 10
_MOST = {"name": 80, "short_name": SHORT_NAME, "phone_hours": 40, "sender_role": 20, "sender_name": 40}


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
    """Write down who the company is; there is one. Raises Invalid naming the fields."""
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
    try:
        number = phonenumbers.parse(phone, country)
        valid = phonenumbers.is_valid_number(number)
    except phonenumbers.NumberParseException:
        valid = False
    if not valid:
        problems.append(Problem("phone", "phone" if phone.strip() else "missing"))
    if problems:
        raise Invalid(problems)
    company = session.get(Company, 1) or Company(id=1)
    for field, text in given.items():
        setattr(company, field, text)
    company.phone = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    session.add(company)
    session.flush()
    return company
