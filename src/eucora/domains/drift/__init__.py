"""Drift: is what the platform holds of a device what the device says that it told?"""
