"""How data moves, a file a stage; `flow.py` is the table of contents."""
