"""The names of all commands, apart from them: the window looks here, and waits for no import."""

COMMANDS = (
    "analyze", "batch", "compare-batches", "volume", "compare", "course", "motion", "define",
    "reading", "deidentify", "models", "self-test", "audit", "train", "evaluate", "package",
    "peers", "send", "fetch", "receive", "archive", "accounts", "audit-trail",
)  # fmt: skip
