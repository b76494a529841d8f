"""What we do not own, behind ports as small as their callers need: one adapter a file."""
