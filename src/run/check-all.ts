import { ConfigError } from '../config.js';

/** Looks at everything before it says what is wrong, all at once. @throws ConfigError */
export async function checkAll(looks: readonly (() => unknown)[]): Promise<void> {
  const problems: string[] = [];
  for (const look of looks) {
    try {
      await look();
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      problems.push(...error.problems);
    }
  }
  if (problems.length > 0) throw new ConfigError(problems);
}
