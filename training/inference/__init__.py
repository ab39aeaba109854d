"""What a saved model says of texts: how they are read, prepared and predicted."""
