"""Scale on paper: which quota is met first, and what images then wait; docs/scale.md has the results."""
