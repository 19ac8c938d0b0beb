"""The commands of `optisync`, one module each, loaded when used."""
