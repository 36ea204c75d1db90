"""What a worker loads at its start."""


def second() -> str:
    return "second"
