"""Clinical decision support for hospitals: charts, findings and what follows from them."""
