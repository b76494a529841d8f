"""Software: what is installed where."""
