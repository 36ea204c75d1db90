"""Whoever is at work, with the archive, the keys and the audit trail that belong together.

Nothing of this is imported while there is no archive.
"""
