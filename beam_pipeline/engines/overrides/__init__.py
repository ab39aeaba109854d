"""What is changed of Beam and of the process; each file says what breaks without it."""
