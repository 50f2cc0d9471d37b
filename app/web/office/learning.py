"""What has been learned of roads, work and windows, and from how much?"""

from __future__ import annotations

import math
from typing import Any

from flask import render_template, request

from app.operations.learned import read_learned
from app.operations.learning import LEARNED_FROM, NIGHT_HOUR, begin_anew, take_back_anew
from app.rules.ratio import Ratios
from app.rules.travel import AS_USUAL
from app.rules.work import AS_PLANNED
from app.web.forms import Form
from app.web.office.room import blueprint, saved
from app.web.visitor import needs, now, session, signed_in

#: The bars reach from so much less to so much more than expected, over so many points, the same way either way.
_BAR_FROM, _BAR_POINTS = 0.4, 160
_MOST_ID = 2**31 - 1


@blueprint.get("/learning")
@needs("settings")
def learning() -> Any:
    """Show what was learned, with the technicians of one kind of work or the areas of one band of hours."""
    asked = Form(request.args)
    service = asked.whole("service", least=1, most=_MOST_ID, needed=False)
    band = asked.whole("band", least=0, most=24 * 60, needed=False)
    return render_template(
        "office/learning.html",
        learned=read_learned(session(), service=service, band=band),
        asked={"service": service, "band": band},
        bar=_bar,
        clock=lambda minute: f"{minute // 60}:{minute % 60:02}",
        percent=lambda ratio: f"{round(100 * ratio) - 100:+d}%".replace("+0%", "±0%").replace("-", "−"),
        starts={"work": AS_PLANNED, "roads": AS_USUAL},
        days=LEARNED_FROM.days,
        night=NIGHT_HOUR,
    )


@blueprint.post("/learning/anew")
@needs("settings")
def learn_anew() -> Any:
    """Forecast as in the beginning, and learn from visits from now on."""
    begin_anew(session(), actor=signed_in().name, now=now())
    return saved("office.learning")


@blueprint.post("/learning/anew/undo")
@needs("settings")
def undo_anew() -> Any:
    """Learn from the visits before again."""
    take_back_anew(session(), now=now())
    return saved("office.learning")


def _bar(ratios: Ratios) -> dict[str, float]:
    """Return where 10, 50 and 90 % lie on a bar, and its middle, which is as expected."""
    ends = {"low": ratios.quantiles[1], "median": ratios.median, "high": ratios.quantiles[5], "expected": 1.0}
    reach = -2 * math.log(_BAR_FROM)
    shares = {name: (math.log(ratio / _BAR_FROM)) / reach for name, ratio in ends.items()}
    return {name: round(_BAR_POINTS * min(max(share, 0.02), 0.98), 1) for name, share in shares.items()}
