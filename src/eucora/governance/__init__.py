"""What the customer decides about data as a whole: how long each class of it is kept."""
