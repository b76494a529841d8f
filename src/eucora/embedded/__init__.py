"""Real servers from wheels, kept running as child processes on loopback when no external one is named."""
