"""Load: personas that use a running stack as people do, and a verdict against the targets; `python -m ops.load`.

`__main__` plans, prepares and judges in a process of its own; `swarm` is the process in which Locust runs, since Locust
replaces Python's sockets. Nothing else may import `swarm`.
"""
