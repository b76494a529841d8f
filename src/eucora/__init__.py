"""The platform: gateway, journal, pipeline, domains, archive and operators' plane of EUCORA Data & Telemetry."""

__version__ = "0.1.0"
