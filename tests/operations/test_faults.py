"""Does every notice end well or with a person when providers fail in every way? `make bench` asks with ten thousand."""

from __future__ import annotations

import pytest

from tests.bench.faults import run


@pytest.mark.parametrize(("ways", "size"), [(("sms",), 40), (("line",), 40), (("email",), 20)])
def test_nothing_is_lost_and_nothing_said_twice_when_providers_fail(tmp_path, ways, size):
    found = run(tmp_path, ways, size, seed=3)
    assert found["notices"] == size
    assert [found[name] for name in ("twice", "blind resends", "open", "after the deadline", "lost")] == [0] * 5
    assert found["delivered"] + found["call task"] == size
    assert found["accepted once"] + found["never"] == size
    assert ways == ("email",) or found["accepted once"] == size
