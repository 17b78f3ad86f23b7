"""A drill: whoever works on a run of several steps is killed or frozen between any two of them, and nothing shows.

`crew` has the processes, `holds` stops a run at a place of PostgreSQL, `conversation` is its client, `record` what is
known of it in the end, `drill` one run with its blows, `series` all of them.
"""
