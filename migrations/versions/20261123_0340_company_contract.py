"""who represents the company in contracts, and within how many days invoices are to be paid"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_0340"
down_revision = "20261123_0320"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("company", sa.Column("representative", sa.String(), nullable=False, server_default=""))
    op.add_column("company", sa.Column("pay_days", sa.Integer(), nullable=False, server_default="30"))


def downgrade() -> None:
    """Go back."""
    op.drop_column("company", "pay_days")
    op.drop_column("company", "representative")
