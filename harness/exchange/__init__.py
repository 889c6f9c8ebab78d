"""Networks that come from elsewhere, and ours on the way out."""
