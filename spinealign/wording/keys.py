"""What mouse and keys do that are no commands: on picture, findings and list of cases."""

from __future__ import annotations

MOUSE_HELP: tuple[tuple[str, str], ...] = (
    ("Left-drag", "Pan the image"),
    ("Left-drag on a point", "Move the point; with Shift it snaps to the nearest edge"),
    ("Click on a dashed outline", "Accept the suggested vertebra"),
    ("Double click on a text or arrow", "Edit what it says"),
    ("Right click", "Rename, delete, add or reset a vertebra"),
    ("Right-drag", "Window (across) and level (up and down)"),
    ("Wheel", "Scroll through the slices of a series; zoom a single image"),
    ("Ctrl+wheel", "Zoom about the cursor (a setting lets the wheel alone zoom)"),
    ("Double click", "Fit to window"),
    ("Space (in the image)", "Show or hide the overlay"),
    ("Drop files, folders or archives", "Open and analyse them"),
)

PICTURE_KEYS: tuple[tuple[str, str], ...] = (
    ("Return (in the image)", "Select the first point"),
    ("Tab, Shift+Tab", "Select the next or previous point"),
    ("Arrow keys", "Move the selected point by one pixel; Shift ten pixels, Alt a tenth"),
    ("Del", "Delete the selected drawing or added vertebra"),
    ("F2 or Return", "Edit the selected text or arrow"),
    ("Menu key", "Rename, delete, add or reset the vertebra of the selected point"),
    ("Esc", "Leave the tool, or end the selection"),
)

READING_KEYS: tuple[tuple[str, str], ...] = (
    ("A or Return", "Accept the finding, and go to the next one"),
    ("Digit", "Change the grade to this one, or begin to type a number"),
    ("C or F2", "Change it; Return applies, Esc leaves it as it was"),
    ("R or Del", "Reject it"),
    ("Up, Down", "Go to the finding above or below"),
    ("Tab (in the impression)", "Replace the key before the cursor by its phrase"),
)
"""Keys while the findings have the frame of the keyboard."""

CASE_KEYS: tuple[tuple[str, str], ...] = (
    ("Up, Down, PgUp, PgDown, Home, End", "Show another case, which is analysed next"),
    ("Shift with these, Ctrl+click", "Select several cases"),
    ("Ctrl+A", "Select all cases that are listed"),
    ("Del", "Close the selected cases"),
    ("Return", "Put the keys on the picture"),
    ("Esc (in the search)", "Clear the search, then go on to the list"),
    ("Menu key", "Analyse, stop, save, export or close the selected cases"),
)
"""Keys while the list of cases has the keyboard."""
