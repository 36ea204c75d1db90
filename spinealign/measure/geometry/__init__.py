"""Numbers from vertebral bodies, and what follows from them: NumPy and `spinealign.domain` only."""
