"""Lives of bank accounts, made up from a seed: what people spend, and what is done to them."""
