"""What does the office keep? One module a noun, one blueprint. Nothing is deleted."""

from __future__ import annotations

from app.web.office import company, customers, learning, policy, services, technicians, users
from app.web.office.room import blueprint

__all__ = ["blueprint", "company", "customers", "learning", "policy", "services", "technicians", "users"]
