"""The reading of the case that is shown: decisions on findings, impression, signature, addenda."""
