"""The raw truth: what devices signed, as it came, appended to one durable ordered log before it is acknowledged."""
