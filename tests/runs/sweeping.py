"""Small sweeps for tests."""

from ssmviz.runs.grid import Axis, Grid


def grid(*seeds, steps=40, rows=("layer", "s6", "s4d"), columns=("N", 2, 4), **changes):
    sizes = {"optim.steps": steps, "eval_every": 20, "checkpoint_every": 20} | changes
    axes = {"rows": Axis(name=rows[0], values=rows[1:]), "columns": Axis(name=columns[0], values=columns[1:])}
    return Grid(preset="selective_copying", changes=sizes, seeds=seeds or (0,), **axes)


def numbers(store, sweep):
    return [cell.number for cell in store.cell_rows(sweep)]
