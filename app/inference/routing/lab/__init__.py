"""Where the rating's weights are made and judged: `switchyard routing`. Nothing that serves imports it."""
