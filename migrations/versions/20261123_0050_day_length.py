"""how long a working day may be"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_0050"
down_revision = "20261123_0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    op.add_column("company", sa.Column("most_day_min", sa.Integer(), nullable=False, server_default="780"))
    op.add_column("technician", sa.Column("most_day_min", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Go back."""
    op.drop_column("technician", "most_day_min")
    op.drop_column("company", "most_day_min")
