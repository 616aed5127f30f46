import type { RunView } from '../reconcile/runs/run-reads.js';
import { type Column, counted, sayTable, showAmount, showUnit, type Terminal } from './terminal.js';

type Side = Readonly<Record<string, unknown>>;

export type UnitTotals = {
  readonly unit: string;
  readonly recorded: string;
  readonly onChain: string;
};

/** An address at which something differs, with all that is unspent there on both sides. */
export type AddressTotals = { readonly address: string; readonly totals: readonly UnitTotals[] };

type WithTotals = Pick<RunView, 'totals'>;

const isSide = (value: unknown): value is Side => typeof value === 'object' && value !== null;
const sideOf = (side: Side, name: string): Side => {
  const { [name]: found } = side;
  return isSide(found) ? found : {};
};
const quantity = (side: Side, unit: string): string => {
  const { [unit]: found } = side;
  return typeof found === 'string' ? found : '0';
};

function unitsOf(totals: unknown): UnitTotals[] {
  if (!isSide(totals)) return [];
  const recorded = sideOf(totals, 'recorded');
  const onChain = sideOf(totals, 'onChain');
  const units = [...new Set([...Object.keys(recorded), ...Object.keys(onChain)])].sort();
  return units.map((unit) => ({
    unit,
    recorded: quantity(recorded, unit),
    onChain: quantity(onChain, unit),
  }));
}

/** Per unit what both sides hold; empty where a run didn't get that far. */
export const totalsOf = (run: WithTotals): UnitTotals[] => unitsOf(run.totals);

/** The same of each address at which something differs: how many these are, and of the first ones the totals. */
export function differingAddresses(run: WithTotals): {
  readonly count: number;
  readonly items: readonly AddressTotals[];
} {
  const { count, listed } = sideOf(isSide(run.totals) ? run.totals : {}, 'differing');
  const items = (Array.isArray(listed) ? listed : []).flatMap((one: unknown) =>
    isSide(one) && typeof one.address === 'string'
      ? [{ address: one.address, totals: unitsOf(one) }]
      : [],
  );
  return { count: typeof count === 'number' ? count : items.length, items };
}

const UNITS_SHOWN = 20;
const ADDRESSES_SHOWN = 20;
const ROWS_SHOWN = 100;

const UNIT_COLUMNS: readonly Column<UnitTotals>[] = [
  ['UNSPENT', (row) => showUnit(row.unit)],
  ['RECORDED', (row) => showAmount(row.unit, row.recorded)],
  ['ON CHAIN', (row) => showAmount(row.unit, row.onChain)],
];

export function sayTotals(terminal: Terminal, run: WithTotals): void {
  sayDiffering(terminal, run);
  const totals = totalsOf(run);
  if (totals.length === 0) return;
  const ordered = [...totals].sort((a, b) => Number(isOdd(b)) - Number(isOdd(a)));
  sayTable(terminal, ordered.slice(0, UNITS_SHOWN), UNIT_COLUMNS);
  const left = totals.length - UNITS_SHOWN;
  if (left > 0) terminal.out(`and ${counted(left, 'unit')} more\n`);
}

/** Those whose money differs, not only what is said of it. */
function sayDiffering(terminal: Terminal, run: WithTotals): void {
  const { count, items } = differingAddresses(run);
  const odd = items.filter(({ totals }) => totals.some(isOdd));
  const rows = odd
    .slice(0, ADDRESSES_SHOWN)
    .flatMap(({ address, totals }) => totals.filter(isOdd).map((one) => ({ address, ...one })));
  const cut = rows.length - ROWS_SHOWN;
  if (rows.length > 0) {
    sayTable(terminal, rows.slice(0, ROWS_SHOWN), [
      ['ADDRESS', (row) => row.address],
      ...UNIT_COLUMNS,
    ]);
  }
  if (cut > 0) terminal.out(`and ${counted(cut, 'row')} more of these addresses: --json\n`);
  const left = Math.max(0, odd.length - ADDRESSES_SHOWN) + count - items.length;
  if (left > 0)
    terminal.out(`and at up to ${left} more addresses: --json shows the first ${items.length}\n`);
}

const isOdd = ({ recorded, onChain }: UnitTotals): boolean => recorded !== onChain;
