/**
 * Runs `work` with a signal that aborts when `signal` does, or when the time is over. Not
 * `AbortSignal.any` with `AbortSignal.timeout`: Node 20 may collect that timer while it is waited for.
 */
export async function withTimeLimit<T>(
  signal: AbortSignal,
  limitMs: number,
  work: (limited: AbortSignal) => Promise<T>,
): Promise<T> {
  const limited = new AbortController();
  const onAbort = (): void => limited.abort(signal.reason);
  const timer = setTimeout(() => {
    limited.abort(new DOMException(`no answer within ${limitMs} ms`, 'TimeoutError'));
  }, limitMs);
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await work(limited.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}
