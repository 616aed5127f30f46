import type { WebSocket } from 'ws';
import { parseExactJson } from '../chain/exact-json.js';
import { type Fields, fieldsOf, quantityOf } from '../chain/fields.js';
import { isPublicMagic, type Network, parseNetwork } from '../chain/network.js';
import {
  ConnectionEnded,
  closedWith,
  KeyRefused,
  openSocket,
  SAYS_KEY_REFUSED,
  Stalled,
} from './connection.js';
import type { Dial } from './endpoints.js';

const METHOD = 'queryNetwork/genesisConfiguration';
const QUESTION = JSON.stringify({
  jsonrpc: '2.0',
  method: METHOD,
  params: { era: 'shelley' },
  id: 'n',
});
const ANSWER_MS_MAX = 10_000;

/**
 * Opens a connection to a node of our network, paused like its socket. Test networks share the form of their
 * addresses: blocks of another one would be booked as if they were ours.
 *
 * @throws KeyRefused, ConnectionEnded, also where the node is of another network
 */
export async function openNode(dial: Dial, signal: AbortSignal): Promise<WebSocket> {
  const socket = await openSocket(dial, signal);
  if (dial.network === undefined) return socket;
  try {
    const theirs = magicOf(await ask(socket, signal));
    if (theirs !== null && isMistaken(theirs, dial.network)) {
      throw new ConnectionEnded(otherNetwork(theirs, dial.network));
    }
    return socket;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

/** A private network may stand in for a public test network, as simulated ones do; for mainnet nothing may. */
const isMistaken = (theirs: bigint, ours: Network): boolean =>
  theirs !== BigInt(ours.magic) && (ours.networkId === 1 || isPublicMagic(theirs));

function otherNetwork(theirs: bigint, ours: Network): string {
  const custom = `custom:${theirs}`;
  const name = parseNetwork(custom)?.name ?? custom;
  return (
    `the node there is one of ${name}, and NETWORK is ${ours.name}: give the address of a node ` +
    `of ${ours.name}; nothing was taken from this one`
  );
}

/** The node's answer, on a socket that nobody else listens to yet. */
function ask(socket: WebSocket, signal: AbortSignal): Promise<Fields> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: Fields | Error): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.off('message', onMessage).off('close', onClose);
      socket.pause();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const onAbort = (): void => settle(new ConnectionEnded('stopped while connecting'));
    const onClose = (code: number, reason: Buffer): void =>
      settle(closedWith(code, reason.toString()));
    const onMessage = (frame: Buffer): void => {
      try {
        settle(fieldsOf(parseExactJson(frame.toString('utf8')), 'an answer'));
      } catch (error) {
        settle(error instanceof Error ? error : new ConnectionEnded('an answer is not JSON'));
      }
    };
    const timer = setTimeout(
      () => settle(new Stalled(`no answer to ${METHOD} in ${ANSWER_MS_MAX / 1000} s`)),
      ANSWER_MS_MAX,
    );
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('message', onMessage).on('close', onClose);
    socket.resume();
    if (socket.readyState !== socket.OPEN) return settle(new ConnectionEnded('closed at once'));
    socket.send(QUESTION);
  });
}

/**
 * Null where the node can't say: one that is still in Byron's blocks has no such configuration, and some
 * providers don't pass the question on. @throws KeyRefused
 */
function magicOf({ error, result }: Fields): bigint | null {
  if (error === undefined) {
    return quantityOf(fieldsOf(result, 'the Shelley genesis').networkMagic, 'networkMagic');
  }
  if (SAYS_KEY_REFUSED.test(JSON.stringify(error))) {
    throw new KeyRefused('the node refused the key in a JSON-RPC error');
  }
  return null;
}
