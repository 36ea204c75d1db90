"""Reading an analysis: findings, decisions, impression, signature, and where they are kept."""
