"""Does every notice end well or with a person when providers fail in every way? `make bench` asks with ten thousand."""

from __future__ import annotations

import pytest

from tests.bench.faults import run


@pytest.mark.parametrize("provider", ["sms", "line"])
def test_nothing_is_lost_and_nothing_said_twice_when_providers_fail(tmp_path, provider):
    _, notices, once, never, twice, requests, delivered, called, lost, _ = run(tmp_path, provider, 40, seed=3)
    assert notices == 40
    assert (twice, lost) == (0, 0)
    assert once + never == notices
    assert delivered + called == notices
    assert requests > notices
