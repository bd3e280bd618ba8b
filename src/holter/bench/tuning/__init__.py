"""``holter tune``: which settings train fastest here, from paired blocks of real steps with each of them."""
