import type { Config } from '../config.js';
import type { Logger } from '../health/logging.js';
import { directoryProblem } from '../reconcile/backup/directory-problem.js';

/**
 * Said when `run` starts, and not at the first due time, which may be at night. Nothing but said: whoever
 * follows deposits and pays doesn't wait for a disk that is away or has become read only.
 */
export async function tellBackupDirectory(
  { backupCron, backupDirectory: directory }: Pick<Config, 'backupCron' | 'backupDirectory'>,
  roles: readonly string[],
  log: Logger,
): Promise<void> {
  // Only who may lead with the scheduler writes backups.
  const isToWrite = backupCron !== null && roles.includes('scheduler') && roles.includes('sync');
  if (!isToWrite || directory === null) return;
  const problem = await directoryProblem(directory);
  if (problem === null) return;
  log.error(
    { event: 'backup_directory_unusable', directory, reason: problem },
    'no backup can be written to BACKUP_DIR; all else goes on',
  );
}
