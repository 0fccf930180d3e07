"""HTTP and WebSocket routes over the store: what the browser component speaks.

The wire format, shared with `assets/live/*.js`
===============================================
All paths are below `base` ("" unless the server has a base path). Errors are `{"error": "one sentence"}` with a 4xx
status. Numbers that are not finite arrive as null. Ids are UUIDs, or the name of a recording
("selective_copying"). In a class, what a person may not see is answered as what never was (404, 4004); what they may
only look at is not changed (403); who is not known changes nothing (401); too much or too often is 429 with
Retry-After.

Experiment (GET /api/experiments/{id}, and the socket's first message with `"type": "hello"`)
------------------------------------------------------------------------------------------
    {"id": "…", "title": "selective copying", "recorded": false, "created": 1730000000.0,   // unix seconds
     "settled": false,                          // no run will change any more (unless resumed)
     "task": {"name": "selective_copying", "L": 64, "vocab": 10, "n_data": 8},
     "vocabulary": [{"label": "A", "kind": "data"}, …],   // one per token; kind: see `tasks.task.Kind`;
                                                // of signals one per class, [] where real numbers are asked
     "signal": null,                            // or, where the task reads real numbers:
        // {"reads": "force (N)", "says": "position (m)", "span": 50.0,   // drawn levels 1..255 mean -span..span
        //  "step": 0.1, "unit": "s", "poles": [[re, im], …], "width": 8}  // what the task has of these
     "operators": null,                         // or {"↑": "MAX", …}, where brackets among the tokens make a tree
     "editable": ["data", "noise"],             // kinds a person may place in the probe's context
     "answers": 8,                              // the last 8 positions are asked and fixed
     "chance": 0.125,                           // token accuracy of guessing, null where real numbers are asked
     "control": {"paused": false, "hold_at": null, "speed": 0.0, "probe": [3, 1, …] or null, "probe_version": 0},
     "runs": [Run, …]}                          // in display order, usually S6 then S4D

    Run = {"id": "…", "label": "S6", "state": "running", "error": "", "step": 120, "steps": 1000, "attempt": 1,
     "queue": null,                             // while queued: the experiment's place in the queue, from 1
     "waits": "",                               // and why: "3rd in the queue: all 4 places are taken"
     "device": "cpu", "backend": "numba", "parameters": 12345, "notes": ["every fallback, in words"],
     "settings": {"task": {…}, "model": {…}, "optim": {…}, "seed": 0, …},
     "losses": {"step": [1, 2, …], "loss": [2.3, null, …]},
     "evaluations": {                           // columns of equal length
        "step": [], "loss": [], "test_loss": [], "token_accuracy": [], "sequence_accuracy": [],
        "position_accuracy": [[…], …], "lr": [], "grad_norm": [], "seconds": [], "error": []},
     "rungs": [{"length": 128, "token_accuracy": 1.0, "sequence_accuracy": 1.0, "sequences": 64,
                "error": null, "label": ""}, …],   // error in place of accuracies; label: which way of testing
     "frames": [0, 5, 10, …]}                   // steps of which a frame is kept, ascending

States: queued starting running done cancelled interrupted diverged oom timeout failed unreadable.
(`paused` is the control's, not a run's.)

History (GET /api/runs/{run}/frames?after=STEP&most=COUNT)
----------------------------------------------------------
Frames with step > STEP (default -1: all), ascending, at most COUNT, each as
    uint32 length | uint32 step | `length` bytes of the frame | zeros up to the next multiple of 8
(little-endian, so that every frame starts at a multiple of 8). One answer holds at most about 2 MiB; the header
`X-More: 1` says that there is more: ask again with the last step received. ETag and If-None-Match work; recordings
are immutable.

Socket (WS /api/experiments/{id}/live)
--------------------------------------
Server to browser, text:
    {"type": "hello", …Experiment}              // always first, everything so far
    {"type": "update", "settled": false, "control": {…}, "runs": [
        {"index": 0, "truncate": null, "frames_all": false, "state": …, "error": …, "step": …, "attempt": …,
         "queue": …, "waits": …, "device": …, "backend": …, "parameters": …, "notes": …,
         "losses": {…}, "evaluations": {…}, "rungs": […], "frames": […]}]}
  `runs` holds the runs that changed; scalars are the new values, `losses`, `evaluations`, `rungs` and `frames` only
  what is to be appended. `truncate: s` (after a resume): first drop losses, evaluations and frames with step > s,
  and all rungs. With `"frames_all": true` (the history was thinned) `frames` lists every step kept, else the new ones.
Server to browser, binary: the newest frame of one run
    uint32 index into runs | uint32 step | the frame
  Newest wins: steps in between are skipped (fetch them as history when scrubbing). At most 30 a second. A frame may
  repeat a step when the probe was edited.
Browser to server, text: `{"type": "ack", "run": 0}` after drawing (or dropping) each binary message. At most 2 frames
  of each run are on their way without an ack, so that a slow browser never builds a backlog.
Close codes: 4000 settled (do not reconnect by yourself; do after a control that resumes), 4003 foreign origin,
  4004 unknown id, 4009 too many viewers, 1001 the server stops, or what was shared no longer is (reconnect with
  back-off; back-off is reset by a good frame). A hidden page closes its socket and connects again when shown.

Control (POST /api/experiments/{id}/control, content-type application/json, at most 64 KiB)
-------------------------------------------------------------------------------------------
    {"action": "pause"} {"action": "resume"} {"action": "step", "count": 1} {"action": "stop"}
    {"action": "speed", "value": 0}             // steps per second, 0 = free
    {"action": "restart"} {"action": "resume_run"}
    {"action": "probe", "tokens": [3, 1, …]}    // null: the default probe
  Answer `{"experiment": "id", "control": {…}}`. `restart` trains the same settings from the same initialisation as a
  new experiment: `experiment` is then another id, handed to Python with `setTriggerValue("open", id)`.
DELETE /api/experiments/{id} -> {"deleted": "id"}.
GET /api/experiments -> {"experiments": [Experiment without losses and frames, of evaluations the last row, …]}.

The component
-------------
`live/lab.js` is an ES module that imports its neighbours; a few lines given to Streamlit load it from `data.assets` and
hand `export default function mount(component)` Streamlit's own argument, again at every change of `data`; it may return
a clean-up. `canvas/canvas.css` and `live/lab.css` are given to Streamlit and live in the same shadow root.
    data = {"experiment": "id", "view": "key of this view", "base": "", "assets": "/api/assets/<hash>/",
            "autoplay": true,                   // play a finished run at once
            "controls": true,                   // false: no buttons that change the run
            "nearby": ["copying"]}          // recordings that may be wanted next (`assets/live/ahead.js`)
Trigger: `open` (an experiment id). The event `ssmviz:open` on the window, with detail {view, experiment, shown}, shows
another experiment at once (`assets/live/tasks.js`); `shown()` is called when its first picture is there. The root
element that it creates carries, for tests and screen readers:
    class="ssmviz ssmviz-lab"  data-experiment
    data-state (loading | replay | live | paused | settled | offline | error)
    data-step (step drawn last)  data-newest (newest step known)  data-frames (frames in memory, over all runs)
    data-stretch (steps that the curves show, "all" or "20-40")
    data-draws (redraws so far)  data-cursor (token under the cursor)  data-probe (probe_version last drawn)
    buttons: data-action = play pause resume step stop restart resume_run
    scrubber: input[type=range][data-role=scrubber]; text for screen readers: [role=status]
"""
