"""In which words are customers told? The company's own texts, their change, and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

import phonenumbers
import structlog
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.errors import Invalid, NotFound, Problem, Stale
from app.i18n import LOCALES
from app.models import Company, Wording
from app.notices import Texts
from app.notices.check import check
from app.notices.declared import PARTS, all_notices, parts_of, shipped
from app.notices.filling import faults_in
from app.operations.company import find_company
from app.operations.turn import lock_company
from app.prepared import Prepared

log = structlog.get_logger()

#: Every notice asks whether the company has texts of its own; most have none.
_ANY = Prepared(select(select(Wording.id).exists()))
#: Customers' links are as long as this one.
_LINK = "/v/2345678923"


def current_wordings(session: Session) -> Mapping[tuple[str, str], Texts]:
    """Return the company's own texts, by notice and language; what is not there is worded as the product comes.

    A newer release may know a fact no more: a text that asks for it is left out and logged. No customer may stay
    untold because of it.
    """
    [(any_at_all,)] = _ANY.rows(session.connection())
    if not any_at_all:
        return {}
    newest = select(func.max(Wording.id)).group_by(Wording.notice, Wording.language)
    own = {
        (version.notice, version.language): texts
        for version in session.scalars(select(Wording).where(Wording.id.in_(newest)))
        if (texts := texts_of(version)) is not None
    }
    unsound = {key for key, texts in own.items() if not _is_sound(key[0], texts)}
    if unsound:
        log.error("kept texts do not fit any more", notices=sorted(unsound))
    return {key: texts for key, texts in own.items() if key not in unsound}


def current_texts(session: Session, name: str, language: str) -> tuple[Texts, int]:
    """Return the texts in force and the number of their version, 0 when it was never changed. Raises NotFound."""
    _known(name, language)
    version = _newest(session, name, language)
    texts = texts_of(version) if version is not None else None
    return texts or shipped(name, language), version.id if version is not None else 0


def save_wording(
    session: Session, name: str, language: str, texts: Texts, *, version: int, base_url: str, actor: str, now: datetime
) -> bool:
    """Keep texts as a new version, used from the next notice on; return whether they say anything new.

    `version` is the number of the version that was read (0: there was none). Raises NotFound; Invalid naming each part
    with its line; Stale when somebody else has saved meanwhile.
    """
    lock_company(session)
    before, newest = current_texts(session, name, language)
    if version != newest:
        raise Stale("wording_changed")
    texts = tidied(texts)
    if texts == before:
        return False
    faults = check(name, language, texts, own_facts(session, language, base_url))
    if faults:
        raise Invalid([Problem(f.part, f"text_{f.code}", {**f.facts, "line": f.line}) for f in faults])
    _keep(session, name, language, texts if texts != shipped(name, language) else None, actor, now)
    return True


def restore_wording(
    session: Session, name: str, language: str, number: int | None, *, base_url: str, actor: str, now: datetime
) -> None:
    """Go back to an earlier version, or (None) to the words the product comes with, by adding a version.

    Raises NotFound, and Invalid when the old texts do not fit any more.
    """
    _known(name, language)
    version = session.get(Wording, number) if number is not None else None
    if number is not None and (version is None or (version.notice, version.language) != (name, language)):
        raise NotFound("wording_version")
    texts = texts_of(version) if version is not None else None
    if texts is None:
        if _newest(session, name, language) is not None:
            _keep(session, name, language, None, actor, now)
        return
    _, newest = current_texts(session, name, language)
    save_wording(session, name, language, texts, version=newest, base_url=base_url, actor=actor, now=now)


def wording_versions(session: Session, name: str, language: str, limit: int) -> Sequence[Wording]:
    """Return the newest versions of a notice's texts, newest first."""
    asked = select(Wording).where(Wording.notice == name, Wording.language == language)
    return session.scalars(asked.order_by(Wording.id.desc()).limit(limit)).all()


def changed_wordings(session: Session) -> Mapping[tuple[str, str], Wording]:
    """Return the newest version of every notice and language that was ever changed."""
    newest = select(func.max(Wording.id)).group_by(Wording.notice, Wording.language)
    return {(v.notice, v.language): v for v in session.scalars(select(Wording).where(Wording.id.in_(newest)))}


def texts_of(version: Wording) -> Texts | None:
    """Return the texts of a version; None where it went back to the words the product comes with."""
    if version.body is None:
        return None
    return Texts(**{part: getattr(version, part) or "" for part in PARTS})


def tidied(texts: Texts) -> Texts:
    """Return texts as they are kept: line ends of one kind, nothing blank around them."""
    return Texts(**{part: _lines(text) for part, text in asdict(texts).items()})


def own_facts(session: Session, language: str, base_url: str) -> dict[str, object]:
    """Return the company's own facts, with a link as long as its customers' links; none before it is set up."""
    company = find_company(session)
    return {} if company is None else {**company_facts(company, language), "link": base_url + _LINK}


def company_facts(company: Company, language: str) -> dict[str, object]:
    """Return what every notice says of the company."""
    return {
        "brand": company.name,
        "brand_short": company.short_name,
        "phone": _dialled(company.phone),
        "phone_hours": company.phone_hours,
        "sender": _sender(company, language),
    }


def _keep(session: Session, name: str, language: str, texts: Texts | None, actor: str, now: datetime) -> None:
    words = {part: getattr(texts, part) if texts else None for part in PARTS}
    session.add(Wording(at=now, by=actor, notice=name, language=language, **words))
    session.flush()


def _newest(session: Session, name: str, language: str) -> Wording | None:
    return next(iter(wording_versions(session, name, language, 1)), None)


def _known(name: str, language: str) -> None:
    if name not in all_notices() or language not in LOCALES:
        raise NotFound("wording")


def _is_sound(name: str, texts: Texts) -> bool:
    return name in all_notices() and not any(faults_in(part, getattr(texts, part), name) for part in parts_of(name))


def _lines(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def _sender(company: Company, language: str) -> str:
    role, name = company.sender_role.strip(), company.sender_name.strip()
    if not (role and name):
        return role or name
    return f"{role}の{name}" if language == "ja" else f"{name} ({role})"


def _dialled(phone: str) -> str:
    """Return the company's number as its customers dial it."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
