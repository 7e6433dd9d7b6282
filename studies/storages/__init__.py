"""Where studies live: opened, waited for, and what is wrong where they cannot be."""
