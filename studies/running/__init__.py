"""Who evaluates: one worker, several, and the process that leads them."""
