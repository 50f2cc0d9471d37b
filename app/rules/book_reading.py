"""What does a price book say? It is read from data strictly, and every contradiction names its field."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from app.rules.price_book import (
    DAY_MIN,
    Band,
    CancelStep,
    Holidays,
    PartPrice,
    PriceBook,
    ReturnTaxi,
    ServicePrice,
    Surcharge,
    Tax,
    Tier,
    Words,
)
from app.rules.terms import Fault

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ROUNDINGS = ("floor", "half_up", "ceiling")
#: A day of the trade may be counted on past midnight: 25:30 is half past one of the night that began the day before.
LAST_CLOCK_MIN = 30 * 60
#: Currencies whose coins are not hundredths (ISO 4217).
_EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
MOST_AMOUNT = 10**9
MOST_MINUTES = 10_080
_LONGEST_TEXT = 200
_MOST_ENTRIES = 200
_CODE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}")
_CLOCK = re.compile(r"(\d{1,2}):([0-5]\d)")
_MONTH_DAY = re.compile(r"(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")


class Unsound(ValueError):
    """A price book that cannot be used; `faults` name every field."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__(", ".join(f"{fault.field}: {fault.code}" for fault in faults))
        self.faults = tuple(faults)


def clock_min(typed: str) -> int | None:
    """Return a time on the 30-hour clock in minutes; None when it is none.

    >>> clock_min("25:30"), clock_min("05:00"), clock_min("30:01")
    (1530, 300, None)
    """
    found = _CLOCK.fullmatch(typed)
    minutes = 60 * int(found[1]) + int(found[2]) if found else LAST_CLOCK_MIN + 1
    return minutes if minutes <= LAST_CLOCK_MIN else None


def decimal_of(value: Any) -> Decimal | None:
    """Return the number that was written, digit by digit; None when it is none, or has more than twelve digits."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    if not number.is_finite() or len(number.as_tuple().digits) > 12 or abs(number.adjusted()) > 12:
        return None
    return number


def exact(value: Any) -> Fraction | None:
    """Return the number that was written, exactly: 0.1 is a tenth; None when it is none.

    >>> exact("0.10"), exact(12.5), exact(True)
    (Fraction(1, 10), Fraction(25, 2), None)
    """
    number = decimal_of(value)
    return None if number is None else Fraction(number)


def exponent_of(currency: str) -> int:
    """Return how many decimals a currency's amounts have.

    >>> exponent_of("JPY"), exponent_of("EUR")
    (0, 2)
    """
    return _EXPONENTS.get(currency, 2)


def read_book(data: Any, countries: Collection[str] | None = None) -> PriceBook:
    """Return the book that data mean; `countries` are those whose holidays are known (None: any two letters).

    Raises Unsound naming every field: unknown, missing, of the wrong kind, out of range, or in contradiction.
    """
    faults: list[Fault] = []
    root = _Reader(data, "", faults)
    rate = root.inner("tax", {"rate", "rounding", "included"})
    currency = root.text("currency", pattern=re.compile("[A-Z]{3}"))
    tax = Tax(
        rate.fraction("rate", most=1),
        rate.choice("rounding", ROUNDINGS, "floor"),
        rate.flag("included"),
    )
    bands = [_band(one) for one in root.entries("bands")]
    book = {
        "code": root.text("code", pattern=_CODE),
        "valid_from": root.day("valid_from"),
        "currency": currency,
        "exponent": root.whole("exponent", most=4, usual=exponent_of(currency)),
        "timezone": root.zone("timezone"),
        "tax": tax,
        "services": root.named("services", _service, least=1),
        "travel": _tiers(root),
        "bands": tuple(band for _, band in bands),
        "band_of": _band_of(bands),
        "holiday": _holidays(root.inner("holiday", _HOLIDAY), countries) if root.has("holiday") else None,
        "customer_classes": root.percents("customer_classes", 1000),
        "return_taxi": _taxi(root.inner("return_taxi", _TAXI)) if root.has("return_taxi") else None,
        **_cancelling(root),
        "discount_limits": root.percents("discount_limits", 100),
        "overrun_percent": root.fraction("overrun_without_new_consent_percent", most=1000),
        "parts": root.named("parts", lambda one: _part(one, tax.rate)) if root.has("parts") else {},
    }
    root.only(_BOOK)
    if faults:
        raise Unsound(faults)
    return PriceBook(**book)


_BOOK = frozenset(
    [
        "code",
        "valid_from",
        "currency",
        "exponent",
        "timezone",
        "tax",
        "services",
        "travel",
        "bands",
        "holiday",
        "customer_classes",
        "return_taxi",
        "cancellation",
        "discount_limits",
        "overrun_without_new_consent_percent",
        "parts",
    ]
)
SURCHARGES = ("percent", "flat", "per_hour")
_HOLIDAY = frozenset({*SURCHARGES, "weekdays", "public_holidays", "company_holidays"})
_TAXI = frozenset({"last_train", "minutes_to_station", "service_resumes", "cap"})


class _Reader:
    """Reads one object of the data and notes what is wrong, each fault under its path: bands[0].from."""

    def __init__(self, data: Any, path: str, faults: list[Fault]) -> None:
        self.path, self.faults = path, faults
        self.data: Mapping[str, Any] = data if isinstance(data, dict) else {}
        if not isinstance(data, dict):
            self.wrong("", "type")

    def wrong(self, name: str, code: str, **facts: Any) -> None:
        step = f".{name}" if self.path and name else name
        self.faults.append(Fault(f"{self.path}{step}" or "body", code, facts))

    def has(self, name: str) -> bool:
        return self.data.get(name) is not None

    def only(self, names: Collection[str]) -> None:
        for name in self.data:
            if name not in names:
                self.wrong(str(name)[:40], "extra")

    def given(self, name: str) -> Any:
        if not self.has(name):
            self.wrong(name, "missing")
        return self.data.get(name)

    def inner(self, name: str, names: Collection[str]) -> _Reader:
        inner = _Reader(self.data.get(name), f"{self.path}.{name}" if self.path else name, self.faults)
        inner.only(names)
        return inner

    def entries(self, name: str) -> list[_Reader]:
        found = self.given(name)
        if found is None or not isinstance(found, list) or len(found) > _MOST_ENTRIES:
            if found is not None:
                self.wrong(name, "type")
            return []
        return [_Reader(one, f"{name}[{n}]", self.faults) for n, one in enumerate(found)]

    def named(self, name: str, read: Callable[[_Reader], Any], least: int = 0) -> Mapping[str, Any]:
        found = self.given(name)
        if not isinstance(found, dict) or not least <= len(found) <= _MOST_ENTRIES:
            if found is not None:
                self.wrong(name, "missing" if found == {} else "type")
            return {}
        for code in found:
            if not _CODE.fullmatch(str(code)):
                self.wrong(f"{name}.{str(code)[:40]}", "code")
        return MappingProxyType(
            {code: read(_Reader(one, f"{name}.{code}", self.faults)) for code, one in found.items()}
        )

    def whole(self, name: str, *, least: int = 0, most: int = MOST_AMOUNT, usual: int | None = None) -> int:
        value = self.data.get(name) if usual is not None else self.given(name)
        if value is None:
            return usual if usual is not None else least
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(name, "whole")
        elif not least <= value <= most:
            self.wrong(name, "range", least=least, most=most)
        else:
            return value
        return least

    def fraction(self, name: str, *, most: int) -> Fraction:
        value = self.given(name)
        number = exact(value)
        if number is None and value is not None:
            self.wrong(name, "number")
        elif number is not None and not 0 <= number <= most:
            self.wrong(name, "range", least=0, most=most)
        return number or Fraction(0)

    def percents(self, name: str, most: int) -> Mapping[str, Fraction]:
        found = self.given(name)
        if not isinstance(found, dict) or not found or len(found) > _MOST_ENTRIES:
            if found is not None:
                self.wrong(name, "missing" if found == {} else "type")
            return {}
        inner = _Reader(found, f"{self.path}.{name}" if self.path else name, self.faults)
        for code in found:
            if not _CODE.fullmatch(str(code)):
                inner.wrong(str(code)[:40], "code")
        return MappingProxyType({code: inner.fraction(code, most=most) for code in found})

    def text(self, name: str, *, pattern: re.Pattern[str]) -> str:
        value = self.given(name)
        if value is not None and not (isinstance(value, str) and pattern.fullmatch(value)):
            self.wrong(name, "code")
        return value if isinstance(value, str) else ""

    def words(self, name: str) -> Words:
        if not self.has(name):
            return Words()
        inner = self.inner(name, {"ja", "en"})
        said = {key: inner.data.get(key) or "" for key in ("ja", "en")}
        for key, value in said.items():
            if not isinstance(value, str) or not value.isprintable():
                inner.wrong(key, "characters")
            elif len(value) > _LONGEST_TEXT:
                inner.wrong(key, "too_long", most=_LONGEST_TEXT)
        return Words(**said)

    def choice(self, name: str, choices: Sequence[str], usual: str) -> str:
        value = self.data.get(name, usual)
        if value not in choices:
            self.wrong(name, "choice", choices=", ".join(choices))
        return str(value)

    def flag(self, name: str) -> bool:
        value = self.data.get(name, False)
        if not isinstance(value, bool):
            self.wrong(name, "type")
        return value is True

    def clock(self, name: str) -> int:
        value = self.given(name)
        minutes = clock_min(value) if isinstance(value, str) else None
        if minutes is None and value is not None:
            self.wrong(name, "clock")
        return minutes or 0

    def day(self, name: str) -> date:
        value = self.given(name)
        try:
            if isinstance(value, str) and len(value) == 10:
                return date.fromisoformat(value)
        except ValueError:
            pass
        if value is not None:
            self.wrong(name, "date")
        return date.min

    def zone(self, name: str) -> ZoneInfo:
        value = self.given(name)
        try:
            if isinstance(value, str) and value:
                return ZoneInfo(value)
        except (ValueError, OSError, KeyError):
            pass
        if value is not None:
            self.wrong(name, "timezone")
        return ZoneInfo("UTC")

    def surcharge(self) -> Surcharge:
        said = [name for name in SURCHARGES if self.has(name)]
        if len(said) != 1:
            self.wrong(said[1] if said else "percent", "one_of" if said else "missing", choices=", ".join(SURCHARGES))
            return Surcharge()
        if said == ["percent"]:
            return Surcharge(percent=self.fraction("percent", most=1000))
        amount = self.whole(said[0])
        return Surcharge(flat=amount) if said == ["flat"] else Surcharge(per_hour=amount)


def _service(one: _Reader) -> ServicePrice:
    one.only({"base", "included_minutes", "unit_minutes", "unit_price", "name"})
    return ServicePrice(
        one.whole("base"),
        one.whole("included_minutes", most=MOST_MINUTES),
        one.whole("unit_minutes", least=1, most=MOST_MINUTES),
        one.whole("unit_price"),
        one.words("name"),
    )


def _part(one: _Reader, rate: Fraction) -> PartPrice:
    one.only({"price", "tax_rate", "name"})
    own = one.fraction("tax_rate", most=1) if one.has("tax_rate") else rate
    return PartPrice(one.whole("price"), own, one.words("name"))


def _tiers(root: _Reader) -> tuple[Tier, ...]:
    tiers: list[Tier] = []
    for one in root.entries("travel"):
        one.only({"up_to_km", "price"})
        up_to = one.data.get("up_to_km")
        if up_to is not None and (exact(up_to) is None or isinstance(up_to, str) or up_to < 0):
            one.wrong("up_to_km", "number")
            up_to = None
        elif tiers and (tiers[-1].up_to_km is None or (up_to is not None and up_to <= tiers[-1].up_to_km)):
            one.wrong("up_to_km", "order")
        tiers.append(Tier(up_to, one.whole("price")))
    if not tiers and root.data.get("travel") == []:
        root.wrong("travel", "missing")
    return tuple(tiers)


def _band(one: _Reader) -> tuple[_Reader, Band]:
    one.only({"code", "from", "to", "name", *SURCHARGES})
    from_min, until_min = one.clock("from"), one.clock("to")
    if until_min < from_min:
        until_min += DAY_MIN
    if from_min >= DAY_MIN:
        from_min, until_min = from_min - DAY_MIN, until_min - DAY_MIN
    if until_min == from_min and one.has("from") and one.has("to"):
        one.wrong("to", "no_time")
    elif until_min - from_min > DAY_MIN:
        one.wrong("to", "over_a_day")
    return one, Band(one.text("code", pattern=_CODE), from_min, until_min, one.surcharge(), one.words("name"))


def _band_of(bands: Sequence[tuple[_Reader, Band]]) -> tuple[int | None, ...]:
    """Return which band each minute of a day belongs to; two of one minute, or of one code, are a contradiction."""
    of: list[int | None] = [None] * DAY_MIN
    for number, (one, band) in enumerate(bands):
        if any(band.code == other.code for _, other in bands[:number]):
            one.wrong("code", "repeated")
        for minute in range(band.from_min, min(band.until_min, band.from_min + DAY_MIN)):
            taken = of[minute % DAY_MIN]
            if taken is not None:
                one.wrong("from", "overlaps_band", band=bands[taken][1].code)
                break
            of[minute % DAY_MIN] = number
    return tuple(of)


def _holidays(one: _Reader, countries: Collection[str] | None) -> Holidays:
    weekdays = one.data.get("weekdays") or []
    if not isinstance(weekdays, list) or any(day not in WEEKDAYS for day in weekdays):
        one.wrong("weekdays", "choice", choices=", ".join(WEEKDAYS))
        weekdays = []
    country = one.data.get("public_holidays")
    known = isinstance(country, str) and (country in countries if countries is not None else len(country) == 2)
    if country is not None and not known:
        one.wrong("public_holidays", "country")
    company = one.data.get("company_holidays") or []
    if not isinstance(company, list) or len(company) > 366:
        one.wrong("company_holidays", "type")
        company = []
    found = [_MONTH_DAY.fullmatch(day) if isinstance(day, str) else None for day in company]
    for number, day in enumerate(found):
        if day is None:
            one.wrong(f"company_holidays[{number}]", "month_day")
    days = frozenset((int(day[1]), int(day[2])) for day in found if day is not None)
    on = frozenset(WEEKDAYS.index(day) for day in weekdays)
    return Holidays(one.surcharge(), on, country if isinstance(country, str) else None, days)


def _taxi(one: _Reader) -> ReturnTaxi:
    last, resumes = one.clock("last_train") % DAY_MIN, one.clock("service_resumes") % DAY_MIN
    if last == resumes and one.has("last_train") and one.has("service_resumes"):
        one.wrong("service_resumes", "no_time")
    return ReturnTaxi(last, one.whole("minutes_to_station", most=DAY_MIN), resumes, one.whole("cap"))


def _cancelling(root: _Reader) -> Mapping[str, Any]:
    """Return the steps by hours, the earliest first, and what is owed when nobody opened."""
    steps: list[CancelStep] = []
    no_access: CancelStep | None = None
    for one in root.entries("cancellation"):
        one.only({"at_least_hours_before", "no_access", "percent", "reason"})
        percent, reason = one.fraction("percent", most=100), one.words("reason")
        if one.flag("no_access"):
            if one.has("at_least_hours_before"):
                one.wrong("at_least_hours_before", "extra")
            if no_access is not None:
                one.wrong("no_access", "repeated")
            no_access = CancelStep(0, percent, reason)
            continue
        hours = one.whole("at_least_hours_before", most=10_000)
        if steps and hours >= steps[-1].at_least_hours:
            one.wrong("at_least_hours_before", "order")
        steps.append(CancelStep(hours, percent, reason))
    if root.has("cancellation") and isinstance(root.data["cancellation"], list):
        if not steps or steps[-1].at_least_hours != 0:
            root.wrong("cancellation", "no_last_step")
        if no_access is None:
            root.wrong("cancellation", "no_access_step")
    return {"cancellation": tuple(steps), "no_access": no_access or CancelStep(0, Fraction(0))}
