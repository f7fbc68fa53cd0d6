"""The clinic's records: what is kept, and who reaches what of it."""

from assistant.loading import by_name

# It brings along SQLAlchemy's mapper of objects, which nobody uses here.
with by_name("sqlalchemy.ext.asyncio"):
    import sqlalchemy.ext.asyncio  # noqa: F401 - to be loaded is all
