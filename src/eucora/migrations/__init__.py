"""Versioned plain SQL, in the order of its numbers, applied by dbmate."""
