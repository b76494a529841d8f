"""The repository's own paperwork: what generates the published contract and counts the seed."""
