"""The command line: one file a noun. It speaks to the operator API like anybody, except for up, down and serve."""
