"""Risk scoring of account activity for banks."""
