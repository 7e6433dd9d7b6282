"""What a study was made for, and which studies are made out of it when that changes."""
