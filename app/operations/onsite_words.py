"""What does the document say that a customer gets of work she agreed to on site? Every word, kept with the quote."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.i18n import LOCALES, long_day_words, phone_words, t
from app.models import Company
from app.operations.price_words import money, own_name, part_name
from app.rules.on_site import text_on
from app.rules.price_book import PriceBook

if TYPE_CHECKING:
    from app.operations.added_work import Added

#: The words that the law asks for, by the day from which on they hold.
TEXTS = json.loads((Path(__file__).parent.parent / "legal/on_site.json").read_text(encoding="utf-8"))["versions"]


#: The country whose law they are.
LAW_OF = "JP"


def added_words(book: PriceBook, added: Added) -> dict[str, str]:
    """Return what is added, by language: 作業の延長 30分、LANケーブル × 2."""
    said = {}
    for locale in LOCALES:
        words = [own_name(book.services[code].name, f"service_{code}", code, locale) for code in added.also]
        if added.minutes:
            words.append(t("onsite.more_minutes", locale, minutes=added.minutes))
        for part in added.parts:
            name = part_name(part.code, book.parts[part.code].name, locale) if part.code in book.parts else part.code
            words.append(t("onsite.pieces", locale, name=name, quantity=part.quantity))
        said[locale] = t("onsite.comma", locale).join(words)
    return said


def missing_of(company: Company | None) -> tuple[str, ...]:
    """Return what the document cannot be made without and the company has not told yet."""
    if company is None:
        return ("name",)
    return tuple(name for name in ("name", "address", "representative", "phone") if not getattr(company, name))


def document(
    company: Company | None,
    technician: str,
    added: str,
    right: str,
    total: int,
    agreed_total: int,
    agreed_by_quote: bool,
    book: PriceBook,
    on: date,
    country: str,
    locale: str,
) -> dict[str, Any]:
    """Return every word of the document in one language; nothing where the law of a country is not known.

    `right` is one of rules.on_site.RIGHTS; `total` is that of everything, `agreed_total` of what was agreed before.
    """
    if country != LAW_OF:
        return {}
    text = text_on(TEXTS, on)
    words = text[locale]
    name, address, representative, phone, pay_to, pay_days = "", "", "", "", "", 0
    if company is not None:
        name, address, representative = company.name, company.address, company.representative
        phone, pay_to, pay_days = phone_words(company.phone, country), company.pay_to, company.pay_days
    payment = words["payment_words"].format(days=pay_days)
    if pay_to:
        payment += " " + words["payment_account"].format(account=pay_to)
    day = long_day_words(on, locale)
    outside = words["outside" if agreed_by_quote else "outside_unpriced"]
    return {
        "version": text["version"],
        "right": right,
        "title": words["title"],
        "read_well": words["read_well"],
        "lead": words["lead"],
        "facts": [
            [words["kind"], added],
            [words["added_price"], money(total - agreed_total, book, locale)],
            [words["price"], money(total, book, locale)],
            [words["payment"], payment],
            [words["when"], words["when_words"].format(on=day)],
            [words["concluded"], words["concluded_words"].format(on=day)],
            [words["seller"], name],
            [words["representative"], representative],
            [words["address"], address],
            [words["phone"], phone],
            [words["charge"], technician],
            [words["special"], words["special_words"]],
        ],
        "cooling": {
            "title": words["cooling_title"],
            "items": words["cooling"],
            "to": words["cooling_to"].format(company=name, address=address, phone=phone),
            "outside": outside.format(amount=money(agreed_total, book, locale)),
        }
        if right == "revocable"
        else None,
        "exempt": words["business"] if right == "business" else "",
        "copy": {
            "title": words["copy"],
            "paper": words["copy_paper"],
            "electronic": words["copy_electronic"],
            "explained": words["copy_explained"],
            "consent": words["copy_consent"],
        },
    }
