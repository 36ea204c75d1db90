"""Pages of a report on the screen and on a printer."""
