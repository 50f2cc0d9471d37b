"""What exactly does a paper say? Every word of an invoice, a receipt or a credit note, so that it is kept whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any

from app.i18n import LOCALES, long_day_words, money_words, phone_words, t, time_words
from app.models import Company, Visit
from app.operations.added_work import together
from app.operations.bill import Bill
from app.operations.onsite_words import added_words
from app.operations.price_words import explanation, line_name, plain
from app.rules.cancelling import Fee
from app.rules.invoice import missing_of
from app.rules.pricing import TaxLine

#: Goes up with every change of the words and of the order in which they stand.
TEXT_VERSION = "2026-11-23"
#: What stands for a number until it is given.
NO_NUMBER = "—"


@dataclass(frozen=True, slots=True)
class Frame:
    """What all papers need beside their lines: who issues, for which visit, and when."""

    company: Company | None
    visit: Visit
    zone: tzinfo
    country: str
    now: datetime
    code: str = NO_NUMBER

    @property
    def issued_on(self) -> date:
        """The local day of issue."""
        return self.now.astimezone(self.zone).date()

    def numbered(self, code: str) -> Frame:
        """Return the same with the number that was given."""
        return replace(self, code=code)


@dataclass(frozen=True, slots=True)
class Sums:
    """What a paper adds up to, in the smallest coins of its currency."""

    subtotal: int
    taxes: Sequence[TaxLine]
    total: int
    currency: str
    exponent: int
    included: bool
    #: The rate that is the usual one: lower ones bear a mark.
    usual: Fraction

    def money(self, amount: int, locale: str) -> str:
        """Return an amount in words: 21,975円."""
        return money_words(amount, self.currency, self.exponent, locale)


def invoice_content(frame: Frame, bill: Bill) -> dict[str, Any]:
    """Return every word and number of an invoice."""
    book, price = bill.book, bill.price
    sums = Sums(
        price.subtotal, price.taxes, price.total, book.currency, book.exponent, book.tax.included, book.tax.rate
    )
    supplied_on = bill.began_at.astimezone(frame.zone).date()
    words = {}
    for locale in LOCALES:
        lines = [
            {
                "code": line.code,
                "name": line_name(line, locale) + _mark(line.tax_rate, sums),
                "why": explanation(line, book, locale),
                "amount": sums.money(line.amount, locale),
            }
            for line in price.lines
        ]
        facts = [
            [t("invoice.supplied_on", locale), long_day_words(supplied_on, locale)],
            [t("invoice.work", locale), frame.visit.service.name(locale)],
            [t("invoice.site", locale), frame.visit.site.address],
        ]
        if bill.fee is not None:
            facts.append([t("invoice.reason", locale), _why_owed(bill.fee, locale)])
        if bill.minutes is not None:
            facts.append([t("invoice.worked", locale), _worked(bill, frame, locale)])
        words[locale] = {
            **_head("invoice", frame, sums, locale, facts),
            "lines": lines,
            "sums": _sums(sums, locale),
            "notes": [*_said_of(bill, frame, sums, locale), *_pay_to(frame, locale), *_marks(sums, locale)],
        }
    numbers = {
        "lines": [{"code": line.code, "amount": line.amount, "rate": str(line.tax_rate)} for line in price.lines],
        "tax": {"rate": str(book.tax.rate), "rounding": book.tax.rounding, "included": book.tax.included},
        "supplied_on": supplied_on.isoformat(),
        "real_min": bill.real_min,
        "minutes": bill.minutes,
        "taken_off": bill.taken_off,
        "quote": bill.agreed.id if bill.agreed is not None else None,
    }
    return _whole(frame, words, sums, numbers)


def credit_content(
    frame: Frame,
    invoice: Mapping[str, Any],
    code: str,
    issued_on: date,
    amounts: Sequence[int],
    sums: Sums,
    reason: str,
) -> dict[str, Any]:
    """Return every word and number of a credit note over an invoice (its content, its code, its day)."""
    sold, supplied_on = invoice["numbers"]["lines"], date.fromisoformat(invoice["numbers"]["supplied_on"])
    words = {}
    for locale in LOCALES:
        lines = [
            {
                **said,
                "why": "" if given == line["amount"] else t("invoice.part_of", locale, amount=said["amount"]),
                "amount": sums.money(-given, locale),
            }
            for said, line, given in zip(invoice[locale]["lines"], sold, amounts, strict=True)
            if given
        ]
        facts = [
            [
                t("invoice.about", locale),
                t("invoice.about_of", locale, code=code, on=long_day_words(issued_on, locale)),
            ],
            [t("invoice.supplied_on", locale), long_day_words(supplied_on, locale)],
            [t("invoice.reason", locale), reason],
        ]
        words[locale] = {
            **_head("credit_note", frame, sums, locale, facts),
            "lines": lines,
            "sums": _sums(sums, locale),
            "notes": _marks(sums, locale),
        }
    numbers = {"amounts": list(amounts), "supplied_on": invoice["numbers"]["supplied_on"]}
    return _whole(frame, words, sums, numbers)


def receipt_content(frame: Frame, code: str, way: str, paid_on: date, sums: Sums) -> dict[str, Any]:
    """Return every word and number of a receipt for an invoice (its code); `sums` without taxes: for a part of it."""
    words = {}
    for locale in LOCALES:
        service = frame.visit.service.name(locale)
        facts = [
            [t("invoice.paid_on", locale), long_day_words(paid_on, locale)],
            [t("invoice.way", locale), t(f"invoice.way_{way}", locale)],
            [t("invoice.receipt_for", locale), t("invoice.receipt_words", locale, service=service)],
            [t("invoice.about", locale), code if sums.taxes else t("invoice.about_part", locale, code=code)],
        ]
        words[locale] = {
            **_head("receipt", frame, sums, locale, facts),
            "lines": [],
            "sums": _sums(sums, locale),
            "notes": _marks(sums, locale),
        }
    # The tax that is shown apart is left out of what stamp duty is judged by; only of a firm that owes it.
    registered = frame.company is not None and frame.company.registration_number
    judged = net_of(sums) if registered else sums.total
    return _whole(frame, words, sums, {"supplied_on": paid_on.isoformat(), "judged": judged})


def net_of(sums: Sums) -> int:
    """Return the amount before tax."""
    return sums.total - sum(one.amount for one in sums.taxes)


def _whole(frame: Frame, words: Mapping[str, Any], sums: Sums, numbers: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **words,
        "numbers": {
            **numbers,
            "code": frame.code,
            "subtotal": sums.subtotal,
            "taxes": [{"rate": str(one.rate), "base": one.base, "amount": one.amount} for one in sums.taxes],
            "total": sums.total,
            "net": net_of(sums),
            "currency": sums.currency,
            "exponent": sums.exponent,
            "included": sums.included,
            "issued_at": frame.now.isoformat(),
        },
    }


def _head(kind: str, frame: Frame, sums: Sums, locale: str, facts: list[list[str]]) -> dict[str, Any]:
    company, customer = frame.company, frame.visit.customer
    number = company.registration_number if company is not None else ""
    issuer = [] if company is None else [company.name, company.address, phone_words(company.phone, frame.country)]
    qualified = not missing_of(
        {
            "registration_number": number,
            "issuer": issuer,
            "recipient": customer.name,
            "supplied_on": frame.issued_on,
            "lines": True,
            "taxes": sums.taxes,
        }
    )
    if number:
        issuer.append(t("invoice.registration", locale, number=number))
    shown = -sums.total if kind == "credit_note" else sums.total
    return {
        "title": t(f"invoice.title_{kind}", locale),
        "qualified": t(f"invoice.qualified_{kind}", locale) if qualified else "",
        "code": frame.code,
        "to": t(f"invoice.to_{customer.kind}", locale, name=customer.name),
        "from": [line for line in issuer if line],
        "lead": t(f"invoice.lead_{kind}", locale),
        "total_label": t(f"invoice.total_{kind}", locale),
        "total": sums.money(shown, locale),
        "with_tax": t("invoice.with_tax", locale),
        "facts": [
            [t("invoice.number", locale), frame.code],
            [t("invoice.issued_on", locale), long_day_words(frame.issued_on, locale)],
            *facts,
        ],
        "columns": [t("invoice.column_what", locale), t("invoice.column_amount", locale)],
        "page": t("invoice.page", locale, page="{page}", pages="{pages}"),
    }


def _sums(sums: Sums, locale: str) -> list[list[str]]:
    """Return the rows below the lines: before tax, for each rate its sum and its tax, and the total."""
    rows = [] if sums.included else [[t("invoice.subtotal", locale), sums.money(sums.subtotal, locale)]]
    inside = "_in" if sums.included else ""
    for one in sums.taxes:
        if one.base or one.amount:
            rate = plain(100 * one.rate)
            base = t(f"invoice.rate_base{inside}", locale, rate=rate) + _mark(one.rate, sums)
            rows.append([base, sums.money(one.base, locale)])
            rows.append([t(f"invoice.rate_tax{inside}", locale, rate=rate), sums.money(one.amount, locale)])
    return [*rows, [t("invoice.total", locale), sums.money(sums.total, locale)]]


def _mark(rate: Fraction, sums: Sums) -> str:
    return "※" if rate < sums.usual else ""


def _marks(sums: Sums, locale: str) -> list[str]:
    lower = [one for one in sums.taxes if one.rate < sums.usual and one.base]
    return [t("invoice.reduced", locale)] if lower else []


def _worked(bill: Bill, frame: Frame, locale: str) -> str:
    clocks = {"begin": time_words(bill.began_at, frame.zone), "end": time_words(bill.ended_at, frame.zone)}
    if bill.minutes == bill.real_min:
        return t("invoice.worked_real", locale, minutes=bill.minutes, **clocks)
    return t("invoice.worked_other", locale, minutes=bill.minutes, reason=bill.minutes_reason, **clocks)


def _why_owed(fee: Fee, locale: str) -> str:
    """Return why a fee is owed, with what the company says that it rests on."""
    # Less than an hour before, or after it, is no number of hours.
    why = "soon" if fee.why == "hours" and fee.hours_before < 1 else fee.why
    said = t(f"invoice.fee_{why}", locale, hours=fee.hours_before)
    own = (fee.reason.en or fee.reason.ja) if locale == "en" else (fee.reason.ja or fee.reason.en)
    return t("invoice.fee_because", locale, why=said, basis=own) if own else said


def _said_of(bill: Bill, frame: Frame, sums: Sums, locale: str) -> list[str]:
    """Return what a customer should know of how it was counted."""
    notes = []
    if bill.price.for_our_delay:
        notes.append(t("pricing.our_delay", locale, time=time_words(bill.price.counted_from_at, frame.zone)))
    if bill.withdrawn:
        words = added_words(bill.book, together(bill.withdrawn))[locale]
        notes.append(t("cooling_off.not_billed", locale, words=words))
    if bill.taken_off:
        notes.append(t("invoice.taken_off", locale, amount=sums.money(bill.taken_off, locale)))
    return notes


def _pay_to(frame: Frame, locale: str) -> list[str]:
    """Return where to transfer the money to, and until when; a company that names no account is paid on the spot."""
    if frame.company is None or not frame.company.pay_to:
        return []
    until = frame.issued_on + timedelta(days=frame.company.pay_days)
    said = t("invoice.pay_until", locale, day=long_day_words(until, locale))
    return [t("invoice.pay_to", locale, account=frame.company.pay_to), said]
