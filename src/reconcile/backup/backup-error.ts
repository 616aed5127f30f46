/** A backup that can't be made, read or restored; the message says what is wrong and what to do. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  constructor(
    message: string,
    /** A setting: what was given names the wrong thing, and nothing is broken. */
    readonly fault: 'file' | 'setting' | 'database',
  ) {
    super(message);
  }
}
