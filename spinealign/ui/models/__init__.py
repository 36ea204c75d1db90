"""The window in which models are listed, installed, removed and chosen."""
