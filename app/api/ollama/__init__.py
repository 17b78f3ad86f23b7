"""Ollama's interface under /ollama: what its clients ask, and what they are told.

Door: `routes`.
"""
