"""Feature-network search and ablation harness."""
