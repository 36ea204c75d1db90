"""Models of a researcher's own pictures: listed by patient, trained, described, left behind."""
