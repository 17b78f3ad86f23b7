"""Direct calls, which are no runs: what both dialects of clients share.

Doors: `door.Direct`, `reply.DirectReply`; `fields` and `dialects` have the words of both.
"""
