"""One call from its question to its usage, over all its attempts.

Doors: `dispatcher.Dispatcher`, `usage_book.UsageBook`, `usage_rows`.
"""
