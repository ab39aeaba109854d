"""What happens to reviews: Beam transforms, and the pure functions that they wire."""
