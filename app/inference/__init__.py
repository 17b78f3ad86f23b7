"""Which model on which node, when; and the answer.

Its rooms are the way of a call; each uses only those below it: `warmth` (what stays in
memory), `probing` (calls of our own), `calls` (one call, over
all its attempts), `slots` (whose turn it is), `routing` (where it may go) beside `wire` (how nodes are spoken to),
`fleet` (which nodes there are), `estimates` (what it takes), `words` (what all of them say). Each names its own doors.

Doors for others: `opening.open_inference` makes `calls.dispatcher.Dispatcher` (chat, embed), `fleet.nodes.Fleet` and
`fleet.node_rows.NodeRows`; `routing.route_rows` and `calls.usage_rows` write and read rows, `calls.usage_book` those
that no run stores; `slots.register.LeaseRegister.take_orphans` is for the worker.
"""
