"""Evaluation of a model's answers: figures with intervals by patient, curves, subgroups, pairs.

Answers come from this program's own models or, as a table, from any other program. Needs the
extra ``train`` (scikit-learn and matplotlib); nothing of it is loaded before it is asked for.
"""
