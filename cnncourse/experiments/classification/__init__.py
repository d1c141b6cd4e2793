"""Networks that classify: their parts, their training, and what they are compared with."""
