"""Training of what ships as weights; numpy is needed here only."""
