"""What inference workers do just now, read off their ``/metrics``."""
