"""Plain widgets, icons, and colours that every panel uses."""
