"""What was found, in words, tables and pictures beside the image."""
