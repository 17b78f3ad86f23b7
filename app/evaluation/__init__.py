"""How good answers are: questions with known answers, a model as judge, and whether the two agree.

Its doors are `asking.evaluate` and `judging.Judging`. It knows no team, no model and no document: what asks them is
handed to it.
"""
