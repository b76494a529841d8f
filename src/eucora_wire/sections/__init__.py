"""The sections of a payload, one file a category of the seed's §4.1."""
