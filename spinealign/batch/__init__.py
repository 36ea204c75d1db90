"""Analysis of many images by worker processes, which goes on where it was stopped or killed.

`listing` finds what to analyse, `state` remembers on the disk what became of each, `worker` is
the process that reads and analyses, `pool` keeps several of them busy, and `cohort` makes tables
of all results.
"""
