"""Devices: what they are, under which policy they collect, how they are found."""
