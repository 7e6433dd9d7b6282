"""Full mixtures: every option of every choice is computed, weighted by its probability (DARTS)."""
