"""When an evaluation ends early: rules that compare learning curves while networks train."""
