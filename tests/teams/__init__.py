"""Teams that only tests have: `app.agents.teams` finds them once its path is longer by this folder."""
