"""A drill: an installation with data, made by an older commit, comes up under the present one and loses nothing.

`drill` is the whole; `tree` has the code of a commit, `world` its processes, `story` what is made before, `checks` what
is looked at after, `snapshot` keeps a story in files for a test that has no history.
"""
