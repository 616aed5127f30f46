import { type Config, ConfigError } from '../config.js';
import { directoryProblem } from '../reconcile/backup/directory-problem.js';

/** Said when `run` starts, and not at the first due time, which may be at night. @throws ConfigError */
export async function checkBackupDirectory(
  { backupCron, backupDirectory }: Pick<Config, 'backupCron' | 'backupDirectory'>,
  roles: readonly string[],
): Promise<void> {
  // Only who may lead with the scheduler writes backups.
  const isToWrite = backupCron !== null && roles.includes('scheduler') && roles.includes('sync');
  if (!isToWrite || backupDirectory === null) return;
  const problem = await directoryProblem(backupDirectory);
  if (problem === null) return;
  throw new ConfigError([`BACKUP_DIR: given ${JSON.stringify(backupDirectory)}: ${problem}`]);
}
