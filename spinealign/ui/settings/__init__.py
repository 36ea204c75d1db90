"""What the user chose and what the window remembers."""
