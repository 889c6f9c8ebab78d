"""The page of fidelity: published figures beside ours, from the code itself."""
