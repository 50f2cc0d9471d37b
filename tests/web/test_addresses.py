"""Is an address that names no row answered as an unknown page, whatever number stands in it?"""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
@pytest.mark.parametrize(
    "path", ["/visits/{}", "/customers/{}", "/sites/{}", "/technicians/{}", "/services/{}", "/users/{}"]
)
def test_a_number_beyond_every_row_is_no_page(signed_in, path, number):
    assert signed_in("admin").get(path.format(number)).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("/account/sign-in", 200), ("/v/2345", 404), ("/api/v1/visits", 401), ("/healthz", 200), ("/i/2", 404)],
)
def test_raw_bytes_in_a_query_break_no_page(client, world, path, status):
    answer = client.get(path, environ_overrides={"QUERY_STRING": "lang=\xff&q=\xe5\xb1\xb1 x"})
    assert answer.status_code == status


def test_raw_bytes_in_the_query_of_a_forged_call_are_refused_as_any_other(client, world):
    answer = client.post("/hooks/twilio/status", data={"a": "b"}, environ_overrides={"QUERY_STRING": "n=\xff"})
    assert answer.status_code == 403
