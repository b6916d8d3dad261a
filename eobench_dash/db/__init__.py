"""The truth: SQLAlchemy models, queries that return ``Select``, sessions, Alembic migrations."""
