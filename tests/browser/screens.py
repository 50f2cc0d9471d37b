"""On which screens, in which light and in which language is a page looked at?

Every language loads a page of its own; width and light change before the eyes, as a page must stand it.
"""

from __future__ import annotations

import pytest

#: Widths in px, each light or dark; the first of a language is the one that is pressed and typed on.
SCREENS = pytest.mark.parametrize(
    ("lang", "screens"), [("ja", ((1440, False), (820, True))), ("en", ((360, True),))], ids=["ja", "en"]
)
