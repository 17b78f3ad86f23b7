"""The dashboards, one module each; `board` and `panel` say what they are made of."""
