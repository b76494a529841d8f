"""What people see in a browser: pages over the same questions as the API, rendered here, readable without a script."""
