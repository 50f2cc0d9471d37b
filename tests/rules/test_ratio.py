import math
from itertools import pairwise
from statistics import NormalDist

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.rules.ratio import MOST_RATIO, SHARES, Ratios, Tally

PRIOR = Ratios(0.3)
Z = [NormalDist().inv_cdf(share) for share in SHARES]


def tallied(ratios):
    tally = Tally()
    for ratio in ratios:
        tally.add(ratio)
    return tally


def lognormal(median, spread, n):
    return [median * math.exp(spread * NormalDist().inv_cdf((i + 0.5) / n)) for i in range(n)]


def test_without_observations_the_prior_stays_as_it_is():
    assert Tally().blended(PRIOR) is PRIOR
    assert [PRIOR.at(z) for z in (-2.5, 0.0, 0.7)] == [math.exp(0.3 * z) for z in (-2.5, 0.0, 0.7)]
    assert (PRIOR.median, PRIOR.spread, PRIOR.n) == (1.0, 0.3, 0)


def test_a_prior_that_bends_goes_twice_as_far_from_there_on_and_back():
    bent = Ratios(0.3, prior_bend=Z[5])
    assert [bent.at(z) for z in (-2.0, 1.0, Z[5] + 1.0)] == pytest.approx(
        [math.exp(0.3 * z) for z in (-2.0, 1.0, Z[5] + 2.0)]
    )
    learned = tallied(lognormal(1.5, 0.15, 5000)).blended(bent)
    for ratios in (bent, learned):
        assert [ratios.z(ratios.at(z)) for z in (-3.0, 0.0, 1.3, 3.0)] == pytest.approx([-3.0, 0.0, 1.3, 3.0])
    assert learned.quantiles[5] == pytest.approx(1.5 * math.exp(0.15 * Z[5]), rel=0.02)
    assert Ratios.of(bent, learned.quantiles, learned.n).at(2.5) == pytest.approx(learned.at(2.5))


def test_many_observations_are_what_was_seen():
    learned = tallied(lognormal(1.5, 0.15, 5000)).blended(PRIOR)
    assert learned.n == 5000
    assert learned.median == pytest.approx(1.5, rel=0.02)
    assert learned.spread == pytest.approx(0.15, rel=0.05)


def test_as_many_observations_as_the_prior_counts_for_move_the_middle_halfway():
    assert tallied([1.5] * 9).blended(PRIOR).median == pytest.approx(math.sqrt(1.5), rel=0.02)
    assert tallied([1.5] * 90).blended(PRIOR).median == pytest.approx(1.5 ** (90 / 99), rel=0.02)


def test_one_observation_moves_the_middle_a_little_and_says_nothing_about_the_spread():
    learned = tallied([1.5]).blended(PRIOR)
    assert learned.median == pytest.approx(1.5**0.1, rel=0.01)
    assert learned.spread == pytest.approx(PRIOR.spread)


def test_the_narrower_group_leans_on_the_broader_one():
    everybody = tallied(lognormal(1.3, 0.2, 500)).blended(PRIOR)
    newcomer = tallied([1.3, 1.2]).blended(everybody)
    assert newcomer.median == pytest.approx(1.3, rel=0.03)
    assert newcomer.n == 2


def test_a_wild_observation_counts_as_far_off_and_no_farther():
    usual = lognormal(1.0, 0.2, 40)
    assert tallied([*usual, 1e6]).blended(PRIOR) == tallied([*usual, MOST_RATIO]).blended(PRIOR)
    assert tallied([*usual, 50.0]).blended(PRIOR).median == pytest.approx(1.0, abs=0.03)


@given(st.lists(st.floats(1e-3, 1e3), max_size=60), st.lists(st.floats(0.2, 5.0), max_size=60))
def test_quantiles_rise_and_the_way_back_fits(seen, broader):
    learned = tallied(seen).blended(tallied(broader).blended(PRIOR))
    quantiles = learned.quantiles
    assert all(low <= high * (1 + 1e-9) for low, high in pairwise(quantiles))
    values = [learned.at(z / 10) for z in range(-30, 31)]
    assert all(low <= high * (1 + 1e-9) for low, high in pairwise(values))
    for value in values:
        assert learned.at(learned.z(value)) == pytest.approx(value)


def test_what_is_kept_comes_back_as_it_was():
    learned = tallied(lognormal(1.2, 0.5, 25)).blended(PRIOR)
    again = Ratios.of(PRIOR, learned.quantiles, learned.n)
    assert again.shifts == pytest.approx(learned.shifts)
    assert again.n == 25


def test_order_does_not_matter():
    seen = [1.1, 0.7, 2.0, 1.4, 0.9]
    assert tallied(seen).blended(PRIOR) == tallied(sorted(seen)).blended(PRIOR)
