"""One call from its question to its record, over all its attempts.

Doors: `dispatcher.Dispatcher`, `usage_rows`.
"""
