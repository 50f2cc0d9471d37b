"""What exactly is a customer shown of a quote? Every word of its page, so that it can be kept whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from app.i18n import day_words, long_day_words, t, time_words
from app.models import Company, Visit
from app.operations.price_words import explanation, line_name, money, plain
from app.rules.price_book import CancelStep, PriceBook
from app.rules.pricing import Job, Price

#: Goes up with every change of the conditions (quote.terms_… in the translations): an acceptance says which was read.
TEXT_VERSION = "2026-11-23"


def shown(
    book: PriceBook,
    price: Price,
    job: Job,
    visit: Visit,
    company: Company | None,
    now: datetime,
    locale: str,
    *,
    on_site: bool = False,
) -> dict[str, Any]:
    """Return every word of a quote's page in one language."""
    zone = book.timezone
    start_at = job.start_at.astimezone(zone)
    return {
        "company": company.name if company is not None else "",
        "customer": visit.customer.name,
        "service": visit.service.name(locale),
        "when": f"{day_words(start_at.date(), locale)} {time_words(start_at, zone)}",
        "minutes": job.minutes,
        "made_on": long_day_words(now.astimezone(zone).date(), locale),
        "lines": [
            {
                "code": line.code,
                "name": line_name(line, locale),
                "why": explanation(line, book, locale),
                "amount": money(line.amount, book, locale),
            }
            for line in price.lines
        ],
        "subtotal": money(price.subtotal, book, locale),
        "taxes": [
            {
                "name": t("quote.tax_in" if book.tax.included else "quote.tax", locale, rate=plain(100 * one.rate)),
                "amount": money(one.amount, book, locale),
            }
            for one in price.taxes
            if one.base
        ],
        "total": money(price.total, book, locale),
        "terms": _terms(book, price, locale, on_site),
    }


def sums(book: PriceBook, price: Price) -> dict[str, Any]:
    """Return the numbers of a price as they are kept with its words."""
    return {
        "amounts": [line.amount for line in price.lines],
        "subtotal": price.subtotal,
        "tax": price.tax,
        "taxes": [{"rate": float(one.rate), "base": one.base, "amount": one.amount} for one in price.taxes],
        "total": price.total,
        "currency": book.currency,
        "tax_included": book.tax.included,
    }


def _terms(book: PriceBook, price: Price, locale: str, on_site: bool) -> list[str]:
    """Return the conditions: what an acceptance agrees to; of work added on site nobody sets out or calls it off."""
    terms = [
        t("quote.terms_real_minutes", locale),
        t("quote.terms_overrun", locale, percent=plain(book.overrun_percent)),
        t("quote.terms_our_delay", locale),
    ]
    if any(line.code == "return_taxi" for line in price.lines):
        terms.append(t("quote.terms_taxi", locale))
    if on_site:
        return [*terms, t("onsite.terms_yes", locale)]
    if price.after_hours:
        terms.append(t("quote.terms_after_hours", locale))
    comma = t("quote.terms_comma", locale)
    steps = comma.join(_step(step, locale) for step in book.cancellation)
    no_access = plain(book.no_access.percent)
    terms.append(t("quote.terms_cancelling", locale, steps=steps, no_access=no_access))
    return terms


def _step(step: CancelStep, locale: str) -> str:
    key = "quote.terms_step" if step.at_least_hours else "quote.terms_step_last"
    if not step.percent:
        key = "quote.terms_step_free"
    return t(key, locale, hours=step.at_least_hours, percent=plain(step.percent))
