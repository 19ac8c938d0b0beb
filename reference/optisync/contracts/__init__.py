"""What travels between the parts of the system: plain values, no behaviour."""
