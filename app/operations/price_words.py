"""How is a price said? Its lines with their reasons, as a customer reads them on a quote or an invoice."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from app.i18n import day_words, has, money_words, t
from app.rules.price_book import DAY_MIN, PriceBook, Surcharge, Words
from app.rules.pricing import Line, Stretch


def line_name(line: Line, locale: str) -> str:
    """Return what a line is called: 夜間割増, Surcharge, night."""
    kind, _, code = line.code.partition(":")
    if kind == "band":
        return t("pricing.line_band", locale, name=own_name(line.facts["name"], f"band_{code}", code, locale))
    if kind == "service":
        return own_name(line.facts["name"], f"service_{code}", code, locale)
    if kind == "part":
        return t("pricing.line_part", locale, name=own_name(line.facts["name"], "", code, locale))
    return t(f"pricing.line_{kind}", locale)


def part_name(code: str, name: Words, locale: str) -> str:
    """Return what a part is called: by the book, else its code."""
    return own_name(name, "", code, locale)


def explanation(line: Line, book: PriceBook, locale: str) -> str:
    """Return why a line is what it is, in words: 22:00–23:30 夜間 +50%."""
    kind, _, code = line.code.partition(":")
    facts = line.facts
    match kind:
        case "base" if not facts["minutes"]:
            return t("pricing.why_base_flat", locale)
        case "class":
            name = own_name(Words(), f"class_{facts['class']}", facts["class"], locale)
            return t("pricing.why_class", locale, name=name, percent=plain(facts["percent"]))
        case "band" | "holiday":
            name = t("pricing.name_holiday", locale)
            if kind == "band":
                name = own_name(facts["name"], f"band_{code}", code, locale)
            dated = kind == "holiday" or len(facts["stretches"]) > 1
            times = t("pricing.stretch_and", locale).join(_times(one, locale, dated) for one in facts["stretches"])
            rate = _rate(facts["surcharge"], facts["hours"], book, locale)
            return t("pricing.why_surcharge", locale, times=times, name=name, rate=rate)
        case "travel" if facts["up_to_km"] is None:
            return t("pricing.why_travel_beyond", locale, km=f"{facts['km']:g}")
        case "travel":
            return t("pricing.why_travel", locale, km=f"{facts['km']:g}", up_to=f"{facts['up_to_km']:g}")
        case "return_taxi":
            key = "pricing.why_return_taxi_capped" if facts["capped"] else "pricing.why_return_taxi"
            return t(key, locale, last_train=_clock(facts["last_train_min"]), cap=money(facts["cap"], book, locale))
        case "discount":
            key = "pricing.why_discount_reason" if facts["reason"] else "pricing.why_discount"
            return t(key, locale, percent=plain(facts["percent"]), reason=facts["reason"])
        case "cancellation":
            of = money(facts["of"], book, locale)
            return t("pricing.why_cancellation", locale, percent=plain(facts["percent"]), of=of)
    return t(f"pricing.why_{kind}", locale, **_said(facts, book, locale))


def money(amount: int, book: PriceBook, locale: str) -> str:
    """Return an amount in the book's currency: 6,000円, JPY 6,000."""
    return money_words(amount, book.currency, book.exponent, locale)


def plain(number: Fraction) -> str:
    """Return a share in per cent as it is written: 30, 12.5."""
    return f"{float(number):g}"


def _said(facts: Mapping[str, Any], book: PriceBook, locale: str) -> dict[str, Any]:
    return {name: money(fact, book, locale) if name == "unit_price" else fact for name, fact in facts.items()}


def own_name(own: Words, key: str, code: str, locale: str) -> str:
    """Return the book's own name of a thing, else the product's, else its code."""
    said = (own.en or own.ja) if locale == "en" else (own.ja or own.en)
    return said or (t(f"pricing.{key}", locale) if has(f"pricing.{key}", locale) else code)


def _rate(surcharge: Surcharge, hours: int, book: PriceBook, locale: str) -> str:
    if surcharge.flat:
        return t("pricing.rate_flat", locale, amount=money(surcharge.flat, book, locale))
    if surcharge.per_hour:
        return t("pricing.rate_per_hour", locale, amount=money(surcharge.per_hour, book, locale), hours=hours)
    return t("pricing.rate_percent", locale, percent=plain(surcharge.percent))


def _times(stretch: Stretch, locale: str, dated: bool) -> str:
    # What ends at midnight ends on its own day.
    clocks = {"from_clock": _clock(stretch.from_min), "until_clock": _clock(stretch.until_min or DAY_MIN)}
    if dated:
        return t("pricing.stretch_on", locale, on=day_words(stretch.on, locale), **clocks)
    return t("pricing.stretch", locale, **clocks)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"
