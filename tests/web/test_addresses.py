"""Is an address that names no row answered as an unknown page, whatever number stands in it?"""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("number", [2**31, 2**63, 10**30])
@pytest.mark.parametrize(
    "path", ["/visits/{}", "/customers/{}", "/sites/{}", "/technicians/{}", "/services/{}", "/users/{}"]
)
def test_a_number_beyond_every_row_is_no_page(signed_in, path, number):
    assert signed_in("admin").get(path.format(number)).status_code == 404
