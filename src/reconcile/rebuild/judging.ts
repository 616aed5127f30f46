import type { Tx } from '../../database/transaction.js';
import { confirmationsHeld } from '../heal/heal-queries.js';
import type { CompareScope } from './candidate-queries.js';
import type { JudgeContext } from './judge.js';

/** What judging goes by, as it is at this moment. */
export const judgingOf = async (tx: Tx, scope: CompareScope): Promise<JudgeContext> => ({
  fromHeight: scope.fromHeight,
  height: scope.height,
  hotWallet: scope.hotWallet,
  misdated: new Map(scope.misdated.map((one) => [`${one.kind} ${one.reference}`, one])),
  confirmationsHeld: await confirmationsHeld(tx, scope.partitionId),
});
