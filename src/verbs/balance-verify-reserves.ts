import { isTelling } from '../reconcile/verify/reserves.js';
import type { Verification } from '../reconcile/verify/verify-books.js';
import { sayRows } from './balance-verify-rows.js';
import { counted, showAmount, showUnit, type Terminal } from './terminal.js';

export function sayReserves(terminal: Terminal, { reserves, shortfall }: Verification): void {
  const telling = reserves.filter(isTelling);
  if (telling.length > 0) {
    sayRows(terminal, { count: telling.length, shown: telling }, [
      ['RESERVES', (row) => showUnit(row.unit)],
      ['OWED TO USERS', (row) => showAmount(row.unit, row.owed)],
      ['OWED BY USERS', (row) => showAmount(row.unit, row.owedByUsers)],
      ['DEPOSIT ADDRESSES', (row) => showAmount(row.unit, row.deposits)],
      ['HOT WALLET', (row) => showAmount(row.unit, row.hotWallet)],
      ['TREASURY', (row) => showAmount(row.unit, row.treasury)],
    ]);
  }
  if (shortfall.units === 0) return;
  terminal.out(
    `warning: the wallets hold less than users are owed in ${counted(shortfall.units, 'unit')}: ` +
      'is it elsewhere, in cold storage for instance?\n',
  );
}
