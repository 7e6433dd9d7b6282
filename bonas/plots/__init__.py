"""How an answer is shown: tables and pictures."""
