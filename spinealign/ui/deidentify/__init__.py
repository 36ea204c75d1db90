"""Copies without the patient: what, how, a look at the text in the pictures, a report."""
