"""Which model on which node, when; and the answer.

Doors: `dispatcher.Dispatcher` (chat, embed), `nodes.Fleet`, `routes.Routes`, `usage` and `routes` (insert), and
`opening.open_inference`, which makes them. `leases.Leases.take_orphans` is for the worker.
"""
