"""What may stand behind `inference.api.Engine`: the engine of our own, and thin adapters to others."""
