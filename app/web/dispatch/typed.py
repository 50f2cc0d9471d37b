"""What was typed of a visit so far: where the work is, and for what kind of customer?"""

from __future__ import annotations

from app.operations.estimate import class_of
from app.operations.slots import place_of
from app.web.forms import Form, row_number
from app.web.visitor import session


def typed_place(form: Form) -> tuple[float, float] | None:
    """Return where the work is: the chosen customer's site, or the position that was typed or pinned."""
    _, _, site_id = form.value("who").partition(":")
    number = row_number(site_id)
    return form.position() if number is None else place_of(session(), number)


def typed_customer(form: Form) -> int | None:
    """Return the customer that was chosen; None for a new one."""
    customer_id, _, _ = form.value("who").partition(":")
    return row_number(customer_id)


def typed_class(form: Form) -> str:
    """Return the class that the chosen customer is priced as, or the kind that a new one is. Raises Invalid."""
    customer_id = typed_customer(form)
    return class_of(session(), customer_id) if customer_id is not None else form.value("kind") or "individual"
