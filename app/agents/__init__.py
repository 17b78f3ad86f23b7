"""Sessions, runs and teams of agents. Doors: `runner.Runner`, `runs.Runs`, `sessions.Sessions`.

The only package that knows langgraph.
"""
