"""Pure functions on bytes, numpy and Arrow: no Beam, no torch, no network."""
