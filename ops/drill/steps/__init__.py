"""A drill: whoever works on a run of several steps is killed or frozen between any two of them, and nothing shows.

`crew` has the processes, `places` says where PostgreSQL holds a run, `conversation` is its client, `record` what is
known of it in the end, `drill` one run with its blows, `series` all of them.
"""
