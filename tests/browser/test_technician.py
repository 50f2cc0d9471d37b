"""Does the technician's phone page do its work in a real browser: offline, while moving, and with one thumb?"""


def test_the_error_page_is_clean(browse, axe):
    page = browse("/nowhere", as_role="technician", lang="en", dark=True)
    assert axe(page) == []
