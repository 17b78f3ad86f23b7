"""OpenAI's interface under /v1: what its clients ask, and what they are told.

Door: `routes`.
"""
