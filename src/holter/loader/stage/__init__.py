"""Put samples together into batches in reused memory, and copy them to the device."""
