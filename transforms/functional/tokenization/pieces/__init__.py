"""The fast way: texts are cut into pieces, and the tokens of each piece are remembered."""
