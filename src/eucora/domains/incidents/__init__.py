"""What went wrong with the delivery of a device's telemetry, from when to when."""
