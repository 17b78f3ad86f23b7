"""Work behind a request: rows that tell how far it is, errands that reach a worker. Doors: rows, workers, lost.

Whoever has such work declares a `Kind` of it, adds rows in its own transaction and hands a `Work` to the worker.
"""
