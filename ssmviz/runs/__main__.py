"""The launcher: `python -m ssmviz.runs`. Started by the app when there is none."""

if __name__ == "__main__":
    import sys

    from ssmviz.runs.launcher import main

    sys.exit(main(sys.argv[1:]))
