"""Frozen values and errors shared by every layer; depends on numpy only."""
