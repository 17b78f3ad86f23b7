"""What passages say, whether they say what an answer says, and which of their words answer a question by themselves."""
