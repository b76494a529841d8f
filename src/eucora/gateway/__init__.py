"""The device plane: admit, enrol, answer. Agents only; nothing is anonymous, and the default answer is no."""
