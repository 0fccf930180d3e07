"""See `ssmviz.training.command`."""

from ssmviz.training.command import main

if __name__ == "__main__":
    raise SystemExit(main())
