"""What can other programs do? The REST API, one module a noun, one blueprint."""

from __future__ import annotations

from app.web.api import (
    absences,
    branches,
    calendars,
    customers,
    invoices,
    price_books,
    quotes,
    repairs,
    services,
    slots,
    technicians,
    visits,
    webhooks,
)
from app.web.api.gate import blueprint

__all__ = [
    "absences",
    "blueprint",
    "branches",
    "calendars",
    "customers",
    "invoices",
    "price_books",
    "quotes",
    "repairs",
    "services",
    "slots",
    "technicians",
    "visits",
    "webhooks",
]
