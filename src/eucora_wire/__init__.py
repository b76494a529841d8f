"""What crosses the wire between endpoint and platform: types and arithmetic, no I/O.

Read in this order: payload (what a device says), envelope (how it is signed), sequence and clock
(how batches are ordered and dated), delta (inventories), answer and problems (what the platform says back).
"""

SCHEMA = "1.0"
"""Version of the payload schema, sent as the signed header `eucora-schema`."""
