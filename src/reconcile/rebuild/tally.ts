import { showOnChain, showRecorded } from '../heal/heal.js';
import { DISCREPANCY_TYPES, type DiscrepancyType, type HealedFinding } from '../model/finding.js';

/** One finding as people see it. */
export type FindingView = ReturnType<typeof viewOf>;

/** Enough to see what it is about; the audit log has them all. */
const EXAMPLES_PER_TYPE = 5;

/** Findings by type, with some of them to look at. */
export function createTally() {
  const counts = new Map<DiscrepancyType, number>();
  const examples: FindingView[] = [];
  let healed = 0;
  let open = 0;
  return {
    add(findings: readonly HealedFinding[]): void {
      for (const finding of findings) {
        const count = (counts.get(finding.type) ?? 0) + 1;
        counts.set(finding.type, count);
        if (count <= EXAMPLES_PER_TYPE) examples.push(viewOf(finding));
        if (finding.state === 'repaired') healed += 1;
        else open += 1;
      }
    },
    result: () => ({
      total: healed + open,
      differences: Object.fromEntries(
        DISCREPANCY_TYPES.flatMap((type) => {
          const count = counts.get(type);
          return count === undefined ? [] : [[type, count] as const];
        }),
      ),
      examples,
      healed,
      open,
    }),
  };
}

const viewOf = (finding: HealedFinding) => {
  const [txHash = '', index = ''] = finding.reference.split('#');
  return {
    type: finding.type,
    txHash,
    outputIndex: Number(index),
    address: finding.address,
    recorded: finding.recorded === null ? null : showRecorded(finding.recorded),
    onChain: finding.onChain === null ? null : showOnChain(finding.onChain),
    state: finding.state,
    reason: finding.reason,
  };
};
