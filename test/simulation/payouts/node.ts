import type { Slot } from '../../../src/chain/point.js';
import { USUAL_PARAMETERS } from '../../../src/chain/protocol-parameters.js';
import type { PayoutNode, SubmitOutcome } from '../../../src/payouts/node/node.js';
import { Crash } from '../scheduler.js';
import type { World } from '../state.js';
import type { PayoutWorld } from './state.js';

/** What submitting to the devnet comes to, with every answer that a node or a network may give. */
export function nodeOf(world: World, payouts: PayoutWorld, actor: string): PayoutNode {
  const { chain, node, random, scheduler, tally } = world;
  const await_ = async (what: string): Promise<void> => {
    await scheduler.gate(actor, what, null);
    if (!world.faultsOn) return;
    if (random.chance(0.02)) throw new Crash(what);
  };
  return {
    look: async () => {
      await await_('asking the node');
      if (world.faultsOn && random.chance(0.03)) throw new Error('no answer in 10 s');
      const blocks = chain.blocks();
      const shown = blocks.at(blocks.length - 1 - node.behind);
      const tip =
        shown === undefined ? ('origin' as const) : { ...shown.point, height: shown.height };
      return {
        tip,
        parameters: USUAL_PARAMETERS,
        slotAfter: (seconds) => ((tip === 'origin' ? 0 : tip.slot) + seconds) as Slot,
        lag: node.behind > 0 && random.chance(0.5) ? 'the node is still syncing' : null,
      };
    },
    submit: async (cbor) => {
      await await_('submitting');
      const outcome = submit(world, payouts, cbor);
      tally.submissions += 1;
      await await_('waiting for the answer');
      return outcome;
    },
  };
}

function submit(world: World, payouts: PayoutWorld, cbor: Uint8Array): SubmitOutcome {
  const { chain, random, tally } = world;
  const fate = world.faultsOn ? random.below(10) : 0;
  if (fate === 9) {
    tally.badAnswers += 1;
    // It never got there.
    return { type: 'unknown', reason: 'no answer in 60 s' };
  }
  const result = chain.mempool.submit(cbor);
  payouts.relayed.push(cbor);
  if (result.accepted && fate === 8) {
    tally.badAnswers += 1;
    chain.mempool.evict();
    return { type: 'accepted' };
  }
  if (fate >= 6) {
    tally.badAnswers += 1;
    // Whatever happened, this is what is heard of it.
    return random.pick<SubmitOutcome>([
      { type: 'unknown', reason: 'the connection closed' },
      { type: 'refused', reason: '3122: a lie' },
      { type: 'look_at_chain', reason: '3997: a lie' },
      { type: 'passing', reason: 'the mempool is full' },
    ]);
  }
  if (result.accepted) return { type: 'accepted' };
  payouts.refusals.push(result.refusal);
  return { type: 'look_at_chain', reason: 'its inputs are gone' };
}
