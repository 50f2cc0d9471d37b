"""what customers may do by themselves"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20261123_0016"
down_revision = "20261123_0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go forward."""
    # A company that is there already decides for itself when its customers may.
    op.add_column("company", sa.Column("self_move_h", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("company", sa.Column("self_cancel", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade() -> None:
    """Go back."""
    with op.batch_alter_table("company") as company:
        company.drop_column("self_cancel")
        company.drop_column("self_move_h")
