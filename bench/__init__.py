"""Load, cost and footprint, measured on real servers. Figures carry machine, version and command."""
