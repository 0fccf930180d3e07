import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from ssmviz.live import hub as hub_module
from ssmviz.live.hub import AGAIN, BACKLOG, CREDIT, SETTLED, TOO_MANY, TOO_SLOW, Hub, Viewer


class Pretended:
    """An experiment that says what a test puts into it."""

    def __init__(self):
        self.updates, self.frames, self.settled, self.polls = [], [], False, 0
        self.shared = False

    def hello(self):
        return {"so far": True}

    def poll(self):
        self.polls += 1
        update = self.updates.pop(0) if self.updates else None
        self.settled = bool(update and update.get("settled"))
        self.shared = bool(update and update.get("shared"))
        return update

    def new_frames(self):
        frames, self.frames = self.frames, []
        return frames


def soon(coroutine):
    """Its result; in a thread of its own, because browser tests leave an event loop running in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(coroutine, 30)).result()


def test_a_viewer_hears_everything_so_far_then_every_change_in_order():
    async def scene():
        hub, followed, viewer = Hub(), Pretended(), Viewer()
        hub.join("a", followed, viewer)
        followed.updates = [{"n": 1}, {"n": 2}]
        said = [json.loads(await viewer.next()) for _ in range(3)]
        hub.close()
        return said

    assert soon(scene()) == [{"type": "hello", "so far": True}, {"type": "update", "n": 1}, {"type": "update", "n": 2}]


def test_without_acknowledgements_only_the_newest_of_the_later_frames_arrives():
    async def scene():
        viewer = Viewer()
        sent = []
        for n in range(CREDIT):
            viewer.show(0, b"frame %d" % n)
            sent.append(await viewer.next())
        for n in range(10, 20):
            viewer.show(0, b"frame %d" % n)
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        viewer.acknowledge(0)
        return [*sent, await waiting]

    assert soon(scene()) == [b"frame 0", b"frame 1", b"frame 19"]


def test_one_run_without_credit_does_not_hold_up_its_twin():
    async def scene():
        viewer = Viewer()
        for _ in range(CREDIT):
            viewer.show(0, b"first")
            await viewer.next()
        viewer.show(0, b"waits")
        viewer.show(1, b"twin")
        return await viewer.next()

    assert soon(scene()) == b"twin"


def test_acknowledging_too_often_earns_no_credit():
    async def scene():
        viewer = Viewer()
        for _ in range(50):
            viewer.acknowledge(0)
        for _ in range(CREDIT):
            viewer.show(0, b"x")
            await viewer.next()
        viewer.show(0, b"too much")
        waiting = asyncio.create_task(viewer.next())
        await asyncio.sleep(0)
        done = waiting.done()
        waiting.cancel()
        return done

    assert not soon(scene())


def test_all_viewers_share_one_poller_and_the_last_one_ends_it():
    async def scene():
        hub, followed = Hub(), Pretended()
        viewers = [Viewer() for _ in range(3)]
        for viewer in viewers:
            hub.join("a", followed, viewer)
        assert len(hub._pollers) == 1
        for viewer in viewers:
            hub.leave("a", viewer)
        await asyncio.sleep(0)
        polls = followed.polls
        await asyncio.sleep(3 * hub_module.POLL_SECONDS)
        return polls == followed.polls, hub.is_watched("a"), hub._pollers

    assert soon(scene()) == (True, False, {})


def test_a_settled_experiment_ends_the_socket_after_its_last_words_and_frame():
    async def scene():
        hub, followed, viewer = Hub(), Pretended(), Viewer()
        hub.join("a", followed, viewer)
        followed.updates, followed.frames = [{"settled": True}], [(0, 5, b"last")]
        said = []
        while (message := await viewer.next()) is not None:
            said.append(message)
        return len(said), said[-1][8:], viewer.close_code, hub.is_watched("a")

    assert soon(scene()) == (3, b"last", SETTLED, False)


def test_a_browser_that_falls_too_far_behind_starts_over():
    async def scene():
        viewer = Viewer()
        for n in range(BACKLOG + 1):
            viewer.tell(str(n))
        return await viewer.next(), viewer.close_code

    assert soon(scene()) == (None, TOO_SLOW)


def test_there_is_a_limit_to_viewers(monkeypatch):
    monkeypatch.setattr(hub_module, "MAX_VIEWERS", 1)

    async def scene():
        hub, late = Hub(), Viewer()
        hub.join("a", Pretended(), Viewer())
        hub.join("a", None, late)
        hub.close()
        return await late.next(), late.close_code

    assert soon(scene()) == (None, TOO_MANY)


@pytest.mark.filterwarnings("error")
def test_an_experiment_deleted_while_watched_ends_quietly():
    class Deleted(Pretended):
        def poll(self):
            if self.polls:
                raise KeyError("gone")
            return super().poll()

    async def scene():
        hub, viewer = Hub(), Viewer()
        hub.join("a", Deleted(), viewer)
        while await viewer.next() is not None:
            pass
        return viewer.close_code

    assert soon(scene()) == SETTLED


def test_when_a_run_is_no_longer_shared_everybody_must_knock_again():
    async def scene():
        hub, followed, viewer = Hub(), Pretended(), Viewer()
        followed.updates = [{"shared": True}, {"shared": False}]
        hub.join("a", followed, viewer)
        while await viewer.next() is not None:
            pass
        hub.close()
        return viewer.close_code

    assert soon(scene()) == AGAIN
