"""Toolbox of the operator plane: who asks, what a route declares, pages of a list. Domains build their routes with it."""
