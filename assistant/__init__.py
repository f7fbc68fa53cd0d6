"""Persona agents over SSE and WebSocket, from a durable numbered log."""

__version__ = "0.1.0"
