"""Worker threads, what they report, and what the lower layers do for the window."""
