"""Are numbers checked, sums given back to the yen, and stamps asked for as the law says?"""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.rules.invoice import (
    CannotGiveBack,
    Sold,
    check_digit_fits,
    down_to,
    give_back,
    missing_of,
    read_registration_number,
    stamp_duty,
    state_of,
    what_is_left,
)
from app.rules.price_book import Tax

TEN, EIGHT = Fraction(1, 10), Fraction(8, 100)
TAX = Tax(TEN, "floor")


@pytest.mark.parametrize(
    "number", ["7000012050002", "2010001163289", "5010401067252", "1180301018771", "8010701012863"]
)
def test_the_check_digit_of_real_firms_fits(number):
    assert check_digit_fits(f"T{number}")
    assert not check_digit_fits(f"T{int(number[0]) % 9 + 1}{number[1:]}")


def test_a_registration_number_is_read_however_it_is_typed():
    assert read_registration_number(" t 7000-0120-50002 ") == "T7000012050002"
    assert read_registration_number("T7000012050002") == "T7000012050002"
    for wrong in ("7000012050002", "T700001205000", "T70000120500022", "", "T70000120500０x"):
        assert read_registration_number(wrong) is None


def test_what_makes_an_invoice_qualified_is_asked_for():
    whole = dict.fromkeys(("registration_number", "issuer", "supplied_on", "lines", "taxes", "recipient"), "x")
    assert missing_of(whole) == ()
    assert missing_of({**whole, "registration_number": ""}) == ("registration_number",)


def test_a_stamp_is_judged_by_the_amount_before_tax():
    # 54,998 with tax is 49,999 before; 54,999 in prices with tax is 50,000 before.
    assert [stamp_duty(net) for net in (0, 49_999, 50_000, 1_000_000, 1_000_001, 10_000_001, 2_000_000_000)] == [
        0,
        0,
        200,
        200,
        400,
        4_000,
        200_000,
    ]


def test_three_times_105_yen_are_given_back_to_the_yen():
    lines = [Sold(105, TEN)] * 3
    back = give_back(TAX, lines, [], [105, 0, 0])
    assert (back.subtotal, back.total) == (-105, -115)
    rest = give_back(TAX, lines, [back.amounts])
    assert (rest.subtotal, rest.total) == (-210, -231)
    assert back.total + rest.total == -(315 + 31)


def test_no_more_is_given_back_than_is_left():
    lines = [Sold(6000, TEN), Sold(-600, TEN), Sold(1000, EIGHT)]
    for wrong, line in (([6001, 0, 0], 0), ([0, -601, 0], 1), ([0, 1, 0], 1), ([-1, 0, 0], 0), ([0, 0, 1001], 2)):
        with pytest.raises(CannotGiveBack) as refusal:
            give_back(TAX, lines, [], wrong)
        assert refusal.value.line == line
    for nothing in ([0, 0, 0], [0, -600, 0]):
        with pytest.raises(CannotGiveBack):
            give_back(TAX, lines, [], nothing)
    with pytest.raises(CannotGiveBack):
        give_back(TAX, lines, [(6000, -600, 1000)])


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 50_000), st.sampled_from([TEN, EIGHT])), min_size=1, max_size=6),
    st.data(),
    st.booleans(),
)
def test_all_credit_notes_together_give_back_exactly_the_invoice(sold, data, included):
    tax = Tax(TEN, data.draw(st.sampled_from(["floor", "half_up", "ceiling"])), included)
    lines = [Sold(*one) for one in sold]
    first = [data.draw(st.integers(0, line.amount)) for line in lines]
    backs = [give_back(tax, lines, [], first)] if any(first) else []
    if what_is_left(tax, lines, [back.amounts for back in backs])[0]:
        backs.append(give_back(tax, lines, [back.amounts for back in backs]))
    _, taxes, total = what_is_left(tax, lines, [])
    assert sum(back.total for back in backs) == -total
    assert sum(one.amount for back in backs for one in back.taxes) == -sum(one.amount for one in taxes)


def test_an_invoice_is_open_then_paid_or_credited():
    assert state_of(1100, 0, 0) == "open"
    assert state_of(1100, 100, 1000) == "paid"
    assert state_of(1100, 1100, 0) == "credited"


def test_what_is_not_owed_any_more_goes_back_from_its_own_lines_and_then_from_the_largest():
    lines = [Sold(6_000, TEN), Sold(3_500, TEN), Sold(1_080, EIGHT), Sold(-400, TEN)]
    assert down_to(TAX, lines, [], [6_000, 0, 1_080, -400], 99_999) == (0, 3_500, 0, 0)
    # What nobody agreed to is not taken off any more where nothing of it is in the bill.
    assert down_to(TAX, lines, [], [6_000, 3_500, 1_080, 0], 99_999) == (0, 0, 0, -400)
    amounts = down_to(TAX, lines, [[100, 3_500, 0, 0]], [6_000, 0, 1_080, -400], 5_500)
    assert amounts[1:] == (0, 0, 0)
    assert what_is_left(TAX, lines, [[100, 3_500, 0, 0], amounts])[2] == 5_500


@given(
    st.lists(
        st.tuples(st.integers(1, 9_999), st.integers(0, 9_999), st.sampled_from([TEN, EIGHT])), min_size=1, max_size=6
    ),
    st.integers(0, 30_000),
)
def test_however_much_goes_back_no_line_gives_more_than_it_has(lines, most):
    had = [Sold(amount, rate) for amount, _, rate in lines]
    amounts = down_to(TAX, had, [], [keeps for _, keeps, _ in lines], most)
    assert all(0 <= back <= one.amount for back, one in zip(amounts, had, strict=True))
    assert what_is_left(TAX, had, [amounts])[2] <= most
