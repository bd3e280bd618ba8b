"""Who hears of an alarm, and by which way."""
