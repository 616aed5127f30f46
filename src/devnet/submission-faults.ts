import type { Faults } from './faults.js';
import type { Submission } from './mempool.js';
import { FULL } from './mempool.js';
import type { BlockSource, MempoolSource } from './source.js';

/**
 * The same node, which does with transactions what its faults say.
 *
 * @param changed is told when a transaction was taken
 */
export function withSubmissionFaults(
  source: BlockSource,
  faults: Pick<Faults, 'receive'>,
  changed: () => void = () => undefined,
): BlockSource {
  const { mempool } = source;
  if (mempool === undefined) return source;
  const submit = (cbor: Uint8Array): Submission => {
    const submission = receive(cbor, mempool, faults);
    if (submission.accepted) changed();
    return submission;
  };
  return { ...source, mempool: { ...mempool, submit } };
}

function receive(
  cbor: Uint8Array,
  mempool: MempoolSource,
  faults: Pick<Faults, 'receive'>,
): Submission {
  const reception = faults.receive();
  switch (reception.type) {
    case 'judge':
      return mempool.submit(cbor);
    case 'full':
      return { accepted: false, refusal: FULL };
    case 'refuse': {
      const { code, data } = reception;
      return { accepted: false, refusal: { type: 'rule', code, data } };
    }
    case 'forget': {
      const submission = mempool.submit(cbor);
      if (submission.accepted) mempool.forget(submission.id);
      return submission;
    }
  }
}
