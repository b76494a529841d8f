"""The agent: runs on endpoints, sees `eucora_wire` and nothing else of ours.

Read in the order in which data flows: run (the loop), collect, spool, seal, send, obey; people and enrol stand beside.
"""

VERSION = "0.1.0"
