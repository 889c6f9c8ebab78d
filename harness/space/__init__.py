"""What is to be run: models, recipes, data, studies. Values and rules, without torch."""

import harness.space.trial  # noqa: F401  (a backbone may name a trial: the types close here)
