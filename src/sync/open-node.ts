import type { WebSocket } from 'ws';
import { exactInteger, parseExactJson } from '../chain/exact-json.js';
import { type Fields, fieldsOf } from '../chain/fields.js';
import { isPublicMagic, type Network, parseNetwork } from '../chain/network.js';
import { ConnectionEnded, closedWith, openSocket } from './connection.js';
import type { Dial } from './endpoints.js';

const METHOD = 'queryNetwork/genesisConfiguration';
/** Its answer may come when somebody else listens already, who is to leave it alone. */
export const NETWORK_QUESTION_ID = 'n';
const QUESTION = JSON.stringify({
  jsonrpc: '2.0',
  method: METHOD,
  params: { era: 'shelley' },
  id: NETWORK_QUESTION_ID,
});

/**
 * A node answers out of its configuration, in milliseconds. Some servers silently drop what they don't
 * know, and this is all that each of them costs; with the 20 s of the first answer that is needed, a node
 * that answers nothing is still left within 30 s.
 */
const ANSWER_MS_MAX = 3_000;
/** Who named another network is taken only once it names ours. */
const FOREIGN_MS_MAX = 10_000;
/** Who was silent isn't asked again for so long: some must be dialled for each single question. */
const SILENT_MS = 60_000;

/** What is known of who was dialled, by URL, for as long as the process lives. */
const silentUntil = new Map<string, number>();
const foreign = new Set<string>();

/**
 * Opens a connection to a node of our network, paused like its socket. Test networks share the form of their
 * addresses: blocks of another one would be booked as if they were ours. One that can't say which network it
 * is of is taken: a key that it refuses shows at the next request, and so does that it answers nothing at all.
 *
 * @throws KeyRefused, ConnectionEnded, also where the node is of another network
 */
export async function openNode(dial: Dial, signal: AbortSignal): Promise<WebSocket> {
  const socket = await openSocket(dial, signal);
  const { url, network } = dial;
  if (network === undefined || isLeftInPeace(url)) return socket;
  try {
    const answer = await ask(socket, foreign.has(url) ? FOREIGN_MS_MAX : ANSWER_MS_MAX, signal);
    judge(answer, url, network);
    if (answer === null) {
      silentUntil.set(url, performance.now() + SILENT_MS);
      judgeLate(socket, url, network);
    }
    return socket;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

/** Who was known to be of another network is asked each time. */
const isLeftInPeace = (url: string): boolean =>
  !foreign.has(url) && performance.now() < (silentUntil.get(url) ?? 0);

/** @throws ConnectionEnded where the node is of another network, or was and doesn't take it back */
function judge(answer: Fields | null, url: string, ours: Network): void {
  const theirs = answer === null ? null : magicOf(answer);
  if (theirs === null && foreign.has(url)) throw new ConnectionEnded(wasForeign(ours));
  if (theirs === null) return;
  foreign.delete(url);
  if (!isMistaken(theirs, ours)) return;
  foreign.add(url);
  throw new ConnectionEnded(otherNetwork(theirs, ours));
}

/**
 * Whoever uses this connection by now sees it end, and the next one is refused with the reason; others that
 * were opened meanwhile go on.
 * Blocks may have come before, which is why who asks waits at first.
 */
function judgeLate(socket: WebSocket, url: string, ours: Network): void {
  const onMessage = (frame: Buffer): void => {
    // Blocks come here too, and are large: only what names the question is parsed.
    const answer = frame.includes(METHOD) ? answerIn(frame) : null;
    if (answer === null || answer instanceof Error || answer.id !== NETWORK_QUESTION_ID) return;
    socket.off('message', onMessage);
    silentUntil.delete(url);
    try {
      judge(answer, url, ours);
    } catch {
      socket.terminate();
    }
  };
  socket.on('message', onMessage);
}

/**
 * A private network may stand in for a public test network, as simulated ones do; for mainnet nothing may,
 * nor one private network for another.
 */
const isMistaken = (theirs: bigint, ours: Network): boolean =>
  theirs !== BigInt(ours.magic) &&
  (ours.networkId === 1 || isPublicMagic(theirs) || !isPublicMagic(BigInt(ours.magic)));

function otherNetwork(theirs: bigint, ours: Network): string {
  const custom = `custom:${theirs}`;
  const name = parseNetwork(custom)?.name ?? custom;
  return (
    `the node there is one of ${name}, and NETWORK is ${ours.name}: give the address of a node ` +
    `of ${ours.name}; nothing was taken from this one`
  );
}

const wasForeign = (ours: Network): string =>
  `the node there was one of another network than NETWORK, which is ${ours.name}, and doesn't say now which one ` +
  'it is of: where another node has taken its place, restart this process';

/** The node's answer, on a socket that nobody else listens to yet; null where there is none in time. */
function ask(socket: WebSocket, msMax: number, signal: AbortSignal): Promise<Fields | null> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: Fields | null | Error): void => {
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
      const answer = answerIn(frame);
      if (answer !== null) settle(answer);
    };
    const timer = setTimeout(() => settle(null), msMax);
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('message', onMessage).on('close', onClose);
    socket.resume();
    if (socket.readyState !== socket.OPEN) return settle(new ConnectionEnded('closed at once'));
    socket.send(QUESTION);
  });
}

/** The answer that a frame holds, or an error, which is one also where it names nobody; null: another message. */
function answerIn(frame: Buffer): Fields | Error | null {
  try {
    const message = fieldsOf(parseExactJson(frame.toString('utf8')), 'an answer');
    return message.id === NETWORK_QUESTION_ID || isError(message) ? message : null;
  } catch (error) {
    return error instanceof Error ? error : new ConnectionEnded('an answer is not JSON');
  }
}

const isError = ({ error }: Fields): boolean => error !== undefined && error !== null;

/**
 * Null where the node can't say, in whatever words: one that is still in Byron's blocks has no such
 * configuration, and some providers don't pass the question on, or call it forbidden. Nor does an answer of
 * another shape say it.
 */
function magicOf({ error, result }: Fields): bigint | null {
  if (isError({ error }) || typeof result !== 'object' || result === null) return null;
  return 'networkMagic' in result ? (exactInteger(result.networkMagic) ?? null) : null;
}
