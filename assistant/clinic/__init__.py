"""The clinic: its database, and the tools that a web assistant needs over it."""
