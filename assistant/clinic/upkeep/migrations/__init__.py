"""The steps from an empty database to the clinic's tables; run by Alembic."""
