"""What a person changes of a result, and what then holds."""
