import type { z } from 'zod';
import type { Network } from '../../chain/network.js';
import type { UnsignedTransaction } from '../transaction/transaction.js';
import { checkBody } from './check-body.js';
import { attachWitness, keyHashOf } from './signed.js';
import { type Signer, SigningRefused } from './signer.js';
import type { SignerAnswer, SignerCall } from './signer-call.js';
import {
  KEY_ANSWER,
  KEY_PATH,
  PROBLEM_ANSWER,
  REFUSED_TYPE,
  SIGN_ANSWER,
  SIGN_PATH,
  signRequestOf,
} from './signer-protocol.js';

/** The key that a remote signer says it has. @throws Error where it can't be asked at the moment */
export async function askForKey(
  call: SignerCall,
  signal: AbortSignal,
): Promise<{ readonly keyHash: string; readonly network: string }> {
  const answer = await call.get(KEY_PATH, signal);
  if (answer.status !== 200) throw failureOf(answer);
  const { publicKey, keyHash, network } = readAnswer(answer, KEY_ANSWER);
  if (hashOrNull(publicKey) !== keyHash) {
    throw new Error('the signer names a key hash that is not that of its public key');
  }
  return { keyHash, network };
}

function hashOrNull(publicKey: string): string | null {
  try {
    return keyHashOf(Buffer.from(publicKey, 'hex'));
  } catch {
    return null;
  }
}

/** Signs elsewhere. Nothing that comes back is believed: the signature is held to the body sent. */
export function createRemoteSigner(
  call: SignerCall,
  keyHash: string,
  wallet: { readonly network: Network; readonly wallet: string },
): Signer {
  const names = { network: wallet.network.name, wallet: wallet.wallet };
  return {
    keyHash,
    async sign(transaction: UnsignedTransaction, signal: AbortSignal) {
      const checked = checkBody(transaction, wallet);
      if (!checked.ok) throw new SigningRefused(checked.problem);
      const body = JSON.stringify(signRequestOf(transaction, names));
      const answer = await call.post(SIGN_PATH, body, signal);
      if (answer.status !== 200) throw failureOf(answer);
      const { publicKey, signature } = readAnswer(answer, SIGN_ANSWER);
      return attachWitness(checked.read, keyHash, {
        publicKey: Buffer.from(publicKey, 'hex'),
        signature: Buffer.from(signature, 'hex'),
      });
    },
    close() {
      call.close();
      return Promise.resolve();
    },
  };
}

/** Only the signer's own word is a refusal: a proxy's 403 or a wrong path's 404 is trouble that passes. */
function failureOf(answer: SignerAnswer): Error {
  const isProblem = answer.contentType.startsWith('application/problem+json');
  const parsed = isProblem ? PROBLEM_ANSWER.safeParse(parseJson(answer.body)) : null;
  const problem = parsed?.success === true ? parsed.data : null;
  const said = problem?.detail === undefined ? '' : `: ${printable(problem.detail)}`;
  const isRefusal = answer.status >= 400 && answer.status < 500 && problem?.type === REFUSED_TYPE;
  return isRefusal
    ? new SigningRefused(`the signer refuses${said}`)
    : new Error(`the signer answered ${answer.status}${said}`);
}

function readAnswer<T>(answer: SignerAnswer, schema: z.ZodType<T>): T {
  const result = schema.safeParse(parseJson(answer.body));
  if (result.success) return result.data;
  const where = result.error.issues[0]?.path.join('.');
  throw new Error(`the signer's answer isn't that of the protocol${where ? ` (${where})` : ''}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const DETAIL_LENGTH_MAX = 500;

/** It goes to logs and terminals. */
const printable = (text: string): string =>
  text.slice(0, DETAIL_LENGTH_MAX).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, ' ');
