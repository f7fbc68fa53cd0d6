"""The clinic's records: what is kept, and who reaches what of it."""
