"""Tests of the store, each on a real Valkey."""
