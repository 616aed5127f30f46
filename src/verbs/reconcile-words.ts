import type { DiscrepancyView, RunView } from '../reconcile/runs/run-reads.js';
import { counted, printable, sayTable, showAda, type Terminal } from './terminal.js';

type Side = Readonly<Record<string, unknown>>;

/** Both sides of a difference in as few words as tell them apart. */
export function sidesOf(view: Pick<DiscrepancyView, 'type' | 'recorded' | 'onChain'>): {
  readonly recorded: string;
  readonly onChain: string;
} {
  const say = SAY[view.type];
  return {
    recorded: view.recorded === null ? 'nothing' : say(view.recorded),
    onChain: view.onChain === null ? 'nothing' : say(view.onChain),
  };
}

const text = (side: Side, name: string): string | null => {
  const value = side[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null;
};

const WHOLE = /^\d+$/;
/** As it stands in the row, where that isn't an amount. */
const written = (it: unknown): string =>
  typeof it === 'string' && WHOLE.test(it) ? it : JSON.stringify(it);

function value(side: Side): string {
  const assets: unknown = side.assets ?? {};
  const isRecord = typeof assets === 'object' && assets !== null && !Array.isArray(assets);
  const units = isRecord ? Object.entries(assets) : [['assets', assets] as const];
  const lovelace = text(side, 'amountLovelace') ?? '0';
  const ada = WHOLE.test(lovelace) ? `${showAda(lovelace)} ada` : `${lovelace} lovelace`;
  const shown = units.slice(0, 3).map(([unit, quantity]) => `${written(quantity)} ${unit}`);
  const more = units.length > shown.length ? ['…'] : [];
  const script = side.hasScript === true ? ['a script'] : [];
  return [ada, ...shown, ...more, ...script].join(' + ');
}

function spent(side: Side): string {
  const by = text(side, 'spentBy');
  if (by === null) return text(side, 'state') === 'gone' ? 'spent' : 'unspent';
  const height = text(side, 'spentHeight');
  return `spent by ${by}${height === null ? '' : ` in block ${height}`}`;
}

function placed(side: Side): string {
  const { block } = side;
  const height =
    typeof block === 'object' && block !== null && 'height' in block ? String(block.height) : null;
  const counted = text(side, 'countedFrom');
  const where =
    height === null ? (counted === null ? null : `since ${counted}`) : `block ${height}`;
  return [text(side, 'status'), where ?? spent(side)].filter((part) => part !== null).join(', ');
}

const owner = (side: Side): string =>
  [text(side, 'userId'), text(side, 'address')].filter((part) => part !== null).join(' at ');

const SAY: Readonly<Record<DiscrepancyView['type'], (side: Side) => string>> = {
  missing_in_db: value,
  extra_in_db: (side) => `${value(side)}, ${placed(side)}`,
  amount_mismatch: value,
  spent_mismatch: spent,
  unspent_mismatch: spent,
  status_mismatch: placed,
  owner_mismatch: owner,
};

export function sayDiscrepancies(terminal: Terminal, found: readonly DiscrepancyView[]): void {
  const rows = found.map((one) => ({ ...one, ...sidesOf(one) }));
  sayTable(terminal, rows, [
    ['ID', (row) => row.id],
    ['TYPE', (row) => row.type],
    ['OUTPUT', (row) => `${row.txHash}#${row.outputIndex}`],
    ['ADDRESS', (row) => row.address],
    ['RECORDED', (row) => row.recorded],
    ['ON CHAIN', (row) => row.onChain],
    ['STATE', (row) => row.state],
    ['REASON', (row) => row.reason],
  ]);
}

/** One line that says how it ended, and where something is left what to do. */
export function sayVerdict(terminal: Terminal, run: RunView, found: number): void {
  const where = run.blockHeight === null ? '' : ` at block ${run.blockHeight}`;
  const compared = `run ${run.id}: ${counted(run.matched, 'output')} of ${addresses(run)} agreed${where}`;
  if (run.problem !== null) terminal.out(`${printable(run.problem)}\n`);
  if (found === 0 && run.problem === null) {
    const equal = run.scope === 'full' ? 'records equal' : 'what is recorded there equals';
    return terminal.out(`${compared}; ${equal} the chain\n`);
  }
  const explained = found - run.repaired - run.open;
  const closed = [
    ...(run.repaired > 0 ? [`, ${run.repaired} repaired`] : []),
    ...(explained > 0 ? [`, ${explained} explained before`] : []),
  ].join('');
  terminal.out(`${compared}; ${counted(found, 'discrepancy').replace(/ys$/, 'ies')}${closed}\n`);
  if (run.open > 0 || run.problem !== null) terminal.out(adviceFor(run));
}

const addresses = (run: RunView): string =>
  `${run.addresses} ${run.addresses === 1 ? 'address' : 'addresses'}`;

const adviceFor = (run: RunView): string =>
  run.repair
    ? 'what is still open needs a person: REASON says why. Next: `teller rebuild --from origin --dry-run` ' +
      'reads the blocks anew; `teller reconcile explain ID --reason TEXT` closes what you answer for\n'
    : 'next: `teller reconcile --repair` heals what the chain explains, with an audit trail; ' +
      `\`teller reconcile show ${run.id}\` shows this again\n`;
