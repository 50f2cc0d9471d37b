"""What must an invoice say, what does a correction give back, and when does a receipt on paper need a stamp?"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from app.rules.price_book import Tax
from app.rules.pricing import Line, TaxLine, tax_of

#: What the papers are numbered by, each in rows of its own: invoice, receipt, credit note.
SERIES = {"invoice": "I", "receipt": "R", "credit_note": "C"}
#: Up to so much (before tax) a receipt on paper costs so much stamp duty; from 50,000 yen on.
#: National Tax Agency, table of stamp duty, document 17-1 (receipts for what was sold).
_STAMPS = (
    (1_000_000, 200),
    (2_000_000, 400),
    (3_000_000, 600),
    (5_000_000, 1_000),
    (10_000_000, 2_000),
    (20_000_000, 4_000),
    (30_000_000, 6_000),
    (50_000_000, 10_000),
    (100_000_000, 20_000),
    (200_000_000, 40_000),
    (300_000_000, 60_000),
    (500_000_000, 100_000),
    (1_000_000_000, 150_000),
)
_STAMP_FROM, _HIGHEST_STAMP = 50_000, 200_000


def corporate_check_digit(base: str) -> int:
    """Return the check digit that stands before the twelve digits of a corporate number.

    9 − (Σ digit × weight mod 9); from the right the weights are 1, 2, 1, 2, … (National Tax Agency, "check digit of
    the corporate number").

    >>> corporate_check_digit("000012050002")
    7
    """
    weighed = sum(int(digit) * (1 if place % 2 else 2) for place, digit in enumerate(reversed(base), 1))
    return 9 - weighed % 9


def read_registration_number(typed: str) -> str | None:
    """Return a registration number as it is written: T and thirteen digits; None when it is none.

    >>> read_registration_number("Ｔ7-0000-1205-0002"), read_registration_number("T12")
    ('T7000012050002', None)
    """
    plain = re.sub(r"[\s\-‐–−ー]", "", unicodedata.normalize("NFKC", typed)).upper()
    return plain if re.fullmatch(r"T[0-9]{13}", plain) else None


def check_digit_fits(number: str) -> bool:
    """Return whether a registration number's first digit is the check digit of the rest.

    A firm's number is its corporate number, so there it must. How the numbers of sole proprietors are made was never
    published: some fit, and one that does not is no mistake. That it fits does not prove that it is registered.
    """
    return int(number[1]) == corporate_check_digit(number[2:])


def missing_of(items: Mapping[str, object]) -> tuple[str, ...]:
    """Return which of the six things are missing that make an invoice a qualified one (Consumption Tax Act 57-4)."""
    return tuple(name for name in QUALIFIED if not items.get(name))


#: Who issues it under which number, when it was done, what it was, sums and tax for each rate, and for whom.
QUALIFIED = ("registration_number", "supplied_on", "lines", "taxes", "issuer", "recipient")


def stamp_duty(amount: int) -> int:
    """Return the stamp duty in yen on a receipt on paper, by the amount before tax when the tax is shown apart.

    Nothing on a receipt that is sent as a PDF, or for a payment by card that says so.

    >>> stamp_duty(49_999), stamp_duty(50_000), stamp_duty(1_000_001)
    (0, 200, 400)
    """
    if amount < _STAMP_FROM:
        return 0
    return next((duty for most, duty in _STAMPS if amount <= most), _HIGHEST_STAMP)


@dataclass(frozen=True, slots=True)
class Sold:
    """One line of an invoice as it is kept: what of it was not given back yet can be."""

    amount: int
    rate: Fraction


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What a credit note gives back: an amount for each line (of a discount negative), and the sums, all negative."""

    amounts: tuple[int, ...]
    subtotal: int
    taxes: tuple[TaxLine, ...]
    total: int


class CannotGiveBack(ValueError):
    """More than is left of a line (`line` says which), or nothing at all (None)."""

    def __init__(self, line: int | None, left: int = 0) -> None:
        super().__init__(f"line {line}")
        self.line, self.left = line, left


def give_back(
    tax: Tax, lines: Sequence[Sold], before: Sequence[Sequence[int]], now: Sequence[int] | None = None
) -> GivenBack:
    """Return what a credit note over `lines` gives back: the amounts `now`, or all that is left.

    `before`: the amounts that earlier credit notes gave back. The tax of each rate is what is left of the tax before,
    less what is left of it after: rounded once for each rate, and all credit notes together give back exactly what the
    invoice asked for. Example: 105 + 105 + 105 at 10 % is 31 of tax; line by line 10, 11 and 10 go back.
    Raises CannotGiveBack.
    """
    left = [line.amount - sum(given[n] for given in before) for n, line in enumerate(lines)]
    wanted = tuple(left if now is None else now)
    for number, (amount, most) in enumerate(zip(wanted, left, strict=True)):
        if not min(most, 0) <= amount <= max(most, 0):
            raise CannotGiveBack(number, most)
    if not any(wanted):
        raise CannotGiveBack(None)
    taxes = []
    for rate in dict.fromkeys(line.rate for line in lines):
        mine = [n for n, line in enumerate(lines) if line.rate == rate]
        was, less = sum(left[n] for n in mine), sum(wanted[n] for n in mine)
        if any(wanted[n] for n in mine):
            taxes.append(TaxLine(rate, -less, tax_of(tax, rate, was - less) - tax_of(tax, rate, was)))
    subtotal = -sum(wanted)
    total = subtotal if tax.included else subtotal + sum(one.amount for one in taxes)
    if total >= 0:
        raise CannotGiveBack(None)
    return GivenBack(wanted, subtotal, tuple(taxes), total)


def down_to(
    tax: Tax, lines: Sequence[Sold], before: Sequence[Sequence[int]], kept: Sequence[int], most: int
) -> tuple[int, ...]:
    """Return what of each line to give back, so that `kept` of it is left, and `most` of the whole, tax included.

    What goes beyond `most` then comes off the largest lines. Nothing is taken back that was given back `before`.
    """
    left = [line.amount - sum(given[n] for given in before) for n, line in enumerate(lines)]
    amounts = [min(max(has - keeps, min(has, 0)), max(has, 0)) for has, keeps in zip(left, kept, strict=True)]

    def total(n: int, more: int) -> int:
        return what_is_left(tax, lines, [*before, [*amounts[:n], amounts[n] + more, *amounts[n + 1 :]]])[2]

    for n in sorted(range(len(left)), key=lambda n: amounts[n] - left[n]):
        room = left[n] - amounts[n]
        if room > 0 and total(n, 0) > most:
            amounts[n] += min(bisect_left(range(room), True, key=lambda more: total(n, more) <= most), room)
    return tuple(amounts)


def sold(lines: Sequence[Line]) -> tuple[Sold, ...]:
    """Return the lines of a price as an invoice keeps them."""
    return tuple(Sold(line.amount, line.tax_rate) for line in lines)


def state_of(total: int, given_back: int, paid: int) -> str:
    """Return what became of an invoice: credited (nothing is left of it), paid, or open.

    `given_back` by credit notes and `paid`, both positive.
    """
    if given_back >= total:
        return "credited"
    return "paid" if paid >= total - given_back else "open"


def what_is_left(
    tax: Tax, lines: Sequence[Sold], before: Sequence[Sequence[int]]
) -> tuple[int, tuple[TaxLine, ...], int]:
    """Return what is left of an invoice after its credit notes: the sum of its lines, each rate's tax, the total."""
    left = [line.amount - sum(given[n] for given in before) for n, line in enumerate(lines)]
    bases = {line.rate: 0 for line in lines}
    for line, amount in zip(lines, left, strict=True):
        bases[line.rate] += amount
    taxes = tuple(TaxLine(rate, base, tax_of(tax, rate, base)) for rate, base in bases.items())
    total = sum(left) if tax.included else sum(left) + sum(one.amount for one in taxes)
    return sum(left), taxes, total
