"""Ollama's HTTP API over llama.cpp, for machines that have no Ollama; the door is `server.create`."""
