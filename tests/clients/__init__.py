"""Programs that use this installation as other people's clients do; they run in an environment of their own."""
