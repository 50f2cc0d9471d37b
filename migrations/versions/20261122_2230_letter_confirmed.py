"""until when something must be heard of an answer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import app.db

revision = "20261122_2230"
down_revision = "20261122_2205"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    with op.batch_alter_table("letter") as letter:
        letter.add_column(sa.Column("confirm_by_at", app.db.UTCDateTime(timezone=True), nullable=True))
        letter.create_index(op.f("ix_letter_confirm_by_at"), ["confirm_by_at"])


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("letter") as letter:
        letter.drop_index(op.f("ix_letter_confirm_by_at"))
        letter.drop_column("confirm_by_at")
