"""The main window: its actions, menus, panels, and how it closes."""
