"""A process that reads, analyses and writes for the window, and how it is spoken to."""
