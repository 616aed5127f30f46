import type { WebSocket } from 'ws';
import { exactInteger, parseExactJson } from '../chain/exact-json.js';
import { type Fields, fieldsOf } from '../chain/fields.js';
import { isPublicMagic, type Network, parseNetwork } from '../chain/network.js';
import { ConnectionEnded, closedWith, openSocket } from './connection.js';
import type { Dial } from './endpoints.js';
import { type KnownNode, knownNode } from './node-memory.js';

/** Its answer may come when somebody else listens already, who is to leave it alone. */
export const NETWORK_QUESTION_ID = 'n';
const QUESTION = JSON.stringify({
  jsonrpc: '2.0',
  method: 'queryNetwork/genesisConfiguration',
  params: { era: 'shelley' },
  id: NETWORK_QUESTION_ID,
});

const MAGIC_FIELD = 'networkMagic';

/**
 * A node answers out of its configuration, in milliseconds. Some servers silently drop what they don't
 * know, and this is all that each of them costs; with the 20 s of the first answer that is needed, a node
 * that answers nothing is still left within 30 s.
 */
const ANSWER_MS_MAX = 3_000;
/** Who named another network is taken only once it names ours. */
const FOREIGN_MS_MAX = 10_000;
/** For so long nobody waits again for who was silent: some must be dialled for each single question. */
const SILENT_MS = 60_000;

/**
 * Opens a connection to a node of our network, paused like its socket. Test networks share the form of their
 * addresses: blocks of another one would be booked as if they were ours. One that can't say which network it
 * is of is taken: a key that it refuses shows at the next request, and so does that it answers nothing at all.
 *
 * @throws KeyRefused, ConnectionEnded, also where the node is of another network
 */
export async function openNode({ nodes, ...dial }: Dial, signal: AbortSignal): Promise<WebSocket> {
  const socket = await openSocket(dial, signal);
  if (nodes === undefined) return socket;
  const node = knownNode(nodes, dial.url);
  try {
    if (isAwaited(node)) {
      const answer = await ask(socket, node.isForeign ? FOREIGN_MS_MAX : ANSWER_MS_MAX, signal);
      const theirs = answer === null ? null : magicOf(answer);
      judge(theirs, node, nodes.network);
      if (theirs !== null) return socket;
      if (answer === null) node.silentUntil = performance.now() + SILENT_MS;
    } else {
      // Where it has ended meanwhile, whoever uses it sees that.
      socket.send(QUESTION, () => undefined);
    }
    keepAnEyeOn(socket, node, nodes.network);
    return socket;
  } catch (error) {
    socket.terminate();
    throw error;
  }
}

/** Who was known to be of another network has to answer each time. */
const isAwaited = ({ isForeign, silentUntil }: KnownNode): boolean =>
  isForeign || performance.now() >= silentUntil;

/** @throws ConnectionEnded where the node is of another network, or was and doesn't take it back */
function judge(theirs: bigint | null, node: KnownNode, ours: Network): void {
  if (theirs === null) {
    if (node.isForeign) throw new ConnectionEnded(wasForeign(ours));
    return;
  }
  node.silentUntil = 0;
  node.isForeign = isMistaken(theirs, ours);
  if (!node.isForeign) return;
  for (const socket of node.unsure) socket.terminate();
  throw new ConnectionEnded(otherNetwork(theirs, ours));
}

/**
 * Where its answer comes late and names another network, or that is what the node says to somebody else, whoever
 * uses the connection by now sees it end, and the next one is refused with the reason.
 * Blocks may have come before, which is why who asks waits at first.
 */
function keepAnEyeOn(socket: WebSocket, node: KnownNode, ours: Network): void {
  const onMessage = (frame: Buffer): void => {
    // Blocks come here too, and are large: only what may name a network is parsed.
    const answer = frame.includes(MAGIC_FIELD) ? answerIn(frame) : null;
    if (answer === null || answer instanceof Error || answer.id !== NETWORK_QUESTION_ID) return;
    const theirs = magicOf(answer);
    if (theirs === null) return;
    socket.off('message', onMessage);
    try {
      judge(theirs, node, ours);
      node.unsure.delete(socket);
    } catch {
      socket.terminate();
    }
  };
  node.unsure.add(socket);
  socket.on('message', onMessage).on('close', () => void node.unsure.delete(socket));
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
    `of ${ours.name}; nothing was taken over this connection`
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
  return MAGIC_FIELD in result ? (exactInteger(result[MAGIC_FIELD]) ?? null) : null;
}
