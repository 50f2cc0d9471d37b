"""What does the dispatcher work with? The board, each visit on it, and the form that books one."""

from __future__ import annotations

from app.web.dispatch import (
    booking,
    brake,
    estimates,
    inbox,
    incidents,
    moves,
    offers,
    optimise,
    quotes,
    replan,
    visits,
)
from app.web.dispatch.board import blueprint

blueprint.register_blueprint(visits.blueprint)
blueprint.register_blueprint(booking.blueprint)
blueprint.register_blueprint(estimates.blueprint)
blueprint.register_blueprint(offers.blueprint)
blueprint.register_blueprint(moves.blueprint)
blueprint.register_blueprint(inbox.blueprint)
blueprint.register_blueprint(incidents.blueprint)
blueprint.register_blueprint(brake.blueprint)
blueprint.register_blueprint(optimise.blueprint)
blueprint.register_blueprint(quotes.blueprint)
blueprint.register_blueprint(replan.blueprint)

__all__ = ["blueprint"]
