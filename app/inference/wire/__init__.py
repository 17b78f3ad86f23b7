"""What goes to a node and what it says.

Door: `ollama.Ollama`, the only module that opens a connection to a node.
"""
