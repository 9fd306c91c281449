"""Alembic's environment and the migrations: `pre_` before new code runs, `post_` after no old code does."""
