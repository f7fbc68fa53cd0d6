"""Traces on their way out: cleaned, bounded, counted, and in nobody's way."""
