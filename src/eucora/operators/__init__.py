"""The operator plane: named operators with scoped tokens, and the API that the command line speaks like anybody."""
