"""Programs for developers that the application does not import."""
