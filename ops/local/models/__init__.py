"""Weights of the local stack, verified by digest. Door: `ops.local.weights`."""
