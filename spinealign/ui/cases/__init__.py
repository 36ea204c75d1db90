"""Opening images as cases, analysing them in turn, and saving results."""
