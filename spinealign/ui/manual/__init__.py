"""The manual inside the program: pages of `docs/manual`, searched and shown."""
