"""How an operating system keeps the agent running."""
