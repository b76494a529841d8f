"""Telemetry: questions to the archive."""
