"""What the product knows, one folder a domain; `all.py` lists them. They lean one way: see pyproject.toml."""
