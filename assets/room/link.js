// One socket to the room for all that a page shows of it. Format: ssmviz/live/room_routes.py.

const FIRST_WAIT = 2_000; // ms before the first reconnection; doubled each time, and never by all at once
const LONGEST_WAIT = 30_000;
const LINGER = 5_000; // ms that the socket outlives its last listener: pages come and go
const FINAL = new Set([4000, 4003, 4004]);

class RoomLink {
  constructor(base) {
    this.url = new URL(`${base}/api/room/live`, window.location.origin);
    this.url.protocol = this.url.protocol === "https:" ? "wss:" : "ws:";
    this.listeners = new Set();
    this.wait = FIRST_WAIT;
  }

  /** Calls `hear(message)` with what is known and with all that follows; returns how to stop. */
  listen(hear) {
    this.listeners.add(hear);
    clearTimeout(this.ending);
    if (this.last) hear(this.last);
    this.connect();
    return () => {
      this.listeners.delete(hear);
      if (!this.listeners.size) this.ending = setTimeout(() => this.hangUp(), LINGER);
    };
  }

  connect() {
    if (this.socket || this.timer) return;
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onmessage = ({ data }) => {
      this.wait = FIRST_WAIT;
      this.last = JSON.parse(data);
      for (const hear of this.listeners) hear(this.last);
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.socket = undefined;
      if (FINAL.has(code)) this.end();
      else this.later();
    };
  }

  end() {
    this.last = undefined;
    for (const hear of this.listeners) hear({ open: false });
  }

  later() {
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        if (this.listeners.size) this.connect();
      },
      this.wait * (1 + Math.random()),
    );
    this.wait = Math.min(2 * this.wait, LONGEST_WAIT);
  }

  hangUp() {
    clearTimeout(this.timer);
    this.timer = undefined;
    const { socket } = this;
    this.socket = undefined;
    this.last = undefined;
    socket?.close();
  }
}

const links = new Map();

/** The one of this page. */
export function roomLink(base) {
  if (!links.has(base)) links.set(base, new RoomLink(base));
  return links.get(base);
}
