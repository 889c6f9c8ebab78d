"""What others have published, as data: quoted with its source, never ranked with measurements."""
