"""What grading found, written for people and machines."""
