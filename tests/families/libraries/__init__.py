"""One module per library, or per kind of network of a large one; each is imported on demand."""
