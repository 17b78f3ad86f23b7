"""Qdrant's REST routes over its own engine, for one machine; the door is `node.serve`."""
