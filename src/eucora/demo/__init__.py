"""A fleet that does not exist, for people who want to look before they install anything: `eucora demo`.

The cast (who they are), the story (what happens to them, two weeks long), what it makes them say (payloads), and how that is
sent: through the platform's own doors, enrolled, sealed and signed as every device's is, under keys that are kept nowhere.
"""
