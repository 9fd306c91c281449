"""Persistence: the only room that knows SQLAlchemy, psycopg2, Alembic and the embedded PostgreSQL server."""
