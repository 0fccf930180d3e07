"""Training jobs that outlive the page: a store, a launcher, one worker process per run. No torch outside a worker.

`client.Client` starts and steers experiments, `view.Library` reads them (and recordings) for the pages.
"""
