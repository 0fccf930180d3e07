"""`python -m ssmviz.training`: see `ssmviz.training.command`."""

from __future__ import annotations

from ssmviz.training.arguments import parse


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks for; the exit status."""
    order = parse(arguments)
    try:
        from ssmviz.training.command import carry_out  # loads torch, which bad arguments need not wait for

        return carry_out(order)
    except KeyboardInterrupt:  # while loading, or a second time
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
