"""What does the office keep? One module a noun, one blueprint. Nothing is deleted."""

from __future__ import annotations

from app.web.office import (
    backtests,
    branches,
    calendars,
    company,
    customers,
    days_off,
    invoices,
    learning,
    lists,
    policy,
    prices,
    services,
    technicians,
    users,
    webhooks,
    wording,
)
from app.web.office.room import blueprint

__all__ = [
    "backtests",
    "blueprint",
    "branches",
    "calendars",
    "company",
    "customers",
    "days_off",
    "invoices",
    "learning",
    "lists",
    "policy",
    "prices",
    "services",
    "technicians",
    "users",
    "webhooks",
    "wording",
]
