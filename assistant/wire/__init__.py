"""Wires: one encoder per protocol, from a log entry to bytes, each on its own."""
