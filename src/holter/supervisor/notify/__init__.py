"""Send alarms to several receivers, on the terminal and over the network."""
