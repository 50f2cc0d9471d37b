"""Who is the company that makes the promises? One row."""

from __future__ import annotations

from sqlalchemy import CheckConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base


class Company(Base):
    """The firm as its customers know it; there is exactly one row, with id 1."""

    __tablename__ = "company"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    #: Full name, in mails and on pages.
    name: Mapped[str]
    #: Short name, in SMS, where every character costs.
    short_name: Mapped[str]
    #: Number that customers may call.
    phone: Mapped[str]
    #: When somebody answers it, in words: "8:00〜21:00".
    phone_hours: Mapped[str] = mapped_column(default="")
    #: Who signs mails: "配車担当", "小林".
    sender_role: Mapped[str] = mapped_column(default="")
    sender_name: Mapped[str] = mapped_column(default="")
    #: Closed on the public holidays of this country (ISO 3166, two letters); None: open on them.
    holidays_of: Mapped[str | None]
    #: A working day, from leaving to being back, is planned to take no more minutes; 0: as long as it takes.
    most_day_min: Mapped[int] = mapped_column(default=780)
    #: Customers move their visits by themselves until so many hours before the promise; 0: they do not.
    self_move_h: Mapped[int] = mapped_column(default=24)
    #: Whether customers call their visits off by themselves.
    self_cancel: Mapped[bool] = mapped_column(default=True)
    #: As papers carry them: the address; the number of a registered issuer (empty: not registered), whose check digit
    #: need not fit when it is a sole proprietor's; where to transfer money to.
    address: Mapped[str] = mapped_column(default="")
    registration_number: Mapped[str] = mapped_column(default="")
    sole_proprietor: Mapped[bool] = mapped_column(default=False)
    pay_to: Mapped[str] = mapped_column(default="")
    #: Who represents the company, as contracts name; and within how many days of its date an invoice is to be paid.
    representative: Mapped[str] = mapped_column(default="", server_default="")
    pay_days: Mapped[int] = mapped_column(default=30, server_default="30")
