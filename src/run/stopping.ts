import type { Logger } from '../health/logging.js';

/** The first signal drains, the second one ends at once. */
export function stopOnSignals(
  stopping: AbortController,
  timeoutMs: number,
  { log, signal }: { readonly log: Logger; readonly signal?: AbortSignal },
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const stop = (reason: string): void => {
    if (stopping.signal.aborted) process.exit(1);
    log.info({ event: 'stopping', reason }, 'finishing what is under way');
    timer = endInTime(timeoutMs, log);
    stopping.abort(new Error(reason));
  };
  const onTerm = (): void => stop('SIGTERM');
  const onInt = (): void => stop('SIGINT');
  process.on('SIGTERM', onTerm);
  process.on('SIGINT', onInt);
  signal?.addEventListener('abort', () => stop('stopped'), { once: true });
  return () => {
    clearTimeout(timer);
    process.off('SIGTERM', onTerm);
    process.off('SIGINT', onInt);
  };
}

/** Also a database that answers nothing, which no draining can outlast, ends within the time that was given. */
export function endInTime(timeoutMs: number, log: Logger): NodeJS.Timeout {
  const timer = setTimeout(() => {
    log.error({ event: 'shutdown_timeout' }, 'not everything let go in time');
    process.exit(1);
  }, timeoutMs);
  return timer.unref();
}
