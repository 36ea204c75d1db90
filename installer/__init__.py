"""Makes the packages that people install; runs in an environment of its own."""
