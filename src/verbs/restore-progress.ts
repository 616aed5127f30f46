import type { Manifest } from '../reconcile/backup/manifest.js';
import type { RestoreProgress } from '../reconcile/backup/restore.js';
import { type Progress, startProgress } from './progress.js';
import type { Terminal } from './terminal.js';

/** One line after the other: the file is checked, its rows are written, and their indexes are made. */
export function showRestoring(
  terminal: Terminal,
  { tables }: Pick<Manifest, 'tables'>,
  now: () => number,
): RestoreProgress & { readonly stop: () => void } {
  const sum = (of: 'rows' | 'bytes'): number => tables.reduce((total, one) => total + one[of], 0);
  let unit = 'bytes verified';
  let line: Progress = startProgress(terminal, unit, sum('bytes'), now);
  let done = 0;
  const advance = (of: string, total: () => number, count: number): void => {
    if (of !== unit) {
      line.stop();
      [unit, done] = [of, 0];
      line = startProgress(terminal, unit, total(), now);
    }
    done += count;
    line.advance(count, done);
  };
  return {
    onBytes: (bytes) => advance('bytes verified', () => sum('bytes'), bytes),
    onRows: (rows) => advance('rows', () => sum('rows'), rows),
    onIndexed: (rows, total) => advance('rows indexed', () => total, rows),
    stop: () => line.stop(),
  };
}
