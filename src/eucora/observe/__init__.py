"""What the platform says of itself: each metric declared once, beside the code that counts."""
