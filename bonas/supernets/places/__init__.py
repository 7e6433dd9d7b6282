"""Places: where in the code of a builder a parameter of a network is made."""
