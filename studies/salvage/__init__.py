"""What can be read of a damaged storage, copied into a new one."""
