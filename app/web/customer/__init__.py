"""What can a customer see and do by the link alone? One module a matter, one blueprint."""

from __future__ import annotations

from app.web.customer import additions, cancel, move, page, proposal
from app.web.customer.room import blueprint

__all__ = ["additions", "blueprint", "cancel", "move", "page", "proposal"]
