"""Django's PostgreSQL backend, whose sessions know on whose behalf they are used."""
