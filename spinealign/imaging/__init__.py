"""From a file to pixels, to network input, and back to a picture."""
