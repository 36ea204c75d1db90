"""An `Analysis` as files: pictures, tables, a report, and all of them together."""
