import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Faults } from './faults.js';
import type { Session } from './session.js';

/** One client's WebSocket, with the faults that befall it. */
export type Connection = {
  /** Looks again: the chain changed, or a fault ended. */
  readonly wake: () => void;
  /** Closes with a code, or without a word. */
  readonly drop: (code?: number) => void;
  /** From now on the socket is open and dead: nothing is read, written or answered, pings neither. */
  readonly halfOpen: () => void;
};

/** A stalled server takes this many requests and then gives up on the client. */
const HELD_REQUESTS_MAX = 100_000;

export function serveConnection(
  webSocket: WebSocket,
  socket: Duplex,
  session: Session,
  faults: Faults,
): Connection {
  const held: string[] = [];
  let dead = false;

  const deliver = (text: string): void => {
    if (dead || webSocket.readyState !== webSocket.OPEN) return;
    const delivery = faults.deliver(text);
    switch (delivery.type) {
      case 'send':
        webSocket.send(delivery.text);
        return;
      case 'truncatedFrame':
        socket.write(halfAFrame(delivery.text));
        socket.end(() => socket.destroy());
        return;
      case 'later':
        late.send(delivery.text, delivery.delayMs);
        return;
      case 'nothing':
        return;
    }
  };
  const late = afterwards((text) => {
    if (!dead && webSocket.readyState === webSocket.OPEN) webSocket.send(text);
  });
  const { send, cancel } = inOrder(deliver, faults);
  const answerHeld = (): void => {
    for (const request of held.splice(0))
      for (const answer of session.handle(request)) send(answer);
  };
  webSocket.on('message', (payload: Buffer) => {
    if (dead) return;
    held.push(payload.toString());
    if (!faults.stalled) answerHeld();
    else if (held.length > HELD_REQUESTS_MAX) webSocket.terminate();
  });
  webSocket.on('close', () => {
    cancel();
    late.cancel();
  });
  return {
    wake: () => {
      if (dead || faults.stalled) return;
      answerHeld();
      for (const answer of session.chainChanged()) send(answer);
    },
    drop: (code) => {
      if (code === undefined) webSocket.terminate();
      else webSocket.close(code);
    },
    halfOpen: () => {
      dead = true;
      webSocket.pause();
    },
  };
}

/** Delays answers as long as the fault says; one after the other, so that none overtakes another. */
function inOrder(deliver: (text: string) => void, faults: Faults) {
  const waiting: string[] = [];
  const timers = new Set<NodeJS.Timeout>();
  let lastDueMs = 0;
  return {
    send: (text: string): void => {
      if (faults.delayMs === 0 && waiting.length === 0) return deliver(text);
      lastDueMs = Math.max(lastDueMs, performance.now()) + faults.delayMs;
      waiting.push(text);
      const timer = setTimeout(() => {
        timers.delete(timer);
        // Whichever timer fires first: the oldest answer goes.
        const oldest = waiting.shift();
        if (oldest !== undefined) deliver(oldest);
      }, lastDueMs - performance.now());
      timers.add(timer);
    },
    cancel: (): void => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** Sends each text when its time has come, whatever else is sent meanwhile. */
function afterwards(send: (text: string) => void) {
  const timers = new Set<NodeJS.Timeout>();
  return {
    send: (text: string, delayMs: number): void => {
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(text);
      }, delayMs);
      timers.add(timer);
    },
    cancel: (): void => {
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

/** A text frame of 64-bit length that breaks off after half of its payload. */
function halfAFrame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(10);
  head.writeUInt8(0x81, 0);
  head.writeUInt8(127, 1);
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload.subarray(0, Math.floor(payload.length / 2))]);
}
