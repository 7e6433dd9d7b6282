"""Transfer: what was measured on other tasks, as a prior for this one."""
