"""how we know that a notice was delivered"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261122_1815"
down_revision = "20261122_1810"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("notice", sa.Column("confirmed_by", sa.String(), nullable=True))
    op.execute(
        "UPDATE notice SET confirmed_by = CASE state_reason WHEN 'told_by_hand' THEN 'by_hand' ELSE 'receipt' END"
        " WHERE state = 'delivered'"
    )


def downgrade() -> None:
    """Go back."""
    op.drop_column("notice", "confirmed_by")
