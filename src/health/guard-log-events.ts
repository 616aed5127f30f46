import type { GuardEvent } from '../guard/events.js';
import { describeVerdict } from '../guard/judge.js';
import { type LogLine, line, writeLines } from './log-line.js';
import type { Logger } from './logging.js';

export function logGuardEvent(log: Logger, event: GuardEvent): void {
  writeLines(log, guardLines(event));
}

export function guardLines(event: GuardEvent): readonly LogLine[] {
  switch (event.type) {
    case 'chain_guard_held': {
      const reasons = event.reasons.map(({ kind, detail, since }) => ({ kind, detail, since }));
      const message = 'the chain may be another one soon: nothing is confirmed or paid';
      return [line('error', event.type, { reasons }, message)];
    }
    case 'chain_guard_released':
      return [line('warn', event.type, { by: event.by }, 'confirming and paying go on')];
    case 'witness_heard': {
      const { witness, verdict } = event;
      const level = verdict.type === 'agrees' || verdict.type === 'ahead' ? 'info' : 'warn';
      const fields = { witness, verdict: verdict.type, detail: describeVerdict(verdict) };
      return [line(level, event.type, fields, 'what a witness says of our chain')];
    }
    case 'density_unknown': {
      const message = "a chain that thins out isn't told: no node says how dense a healthy one is";
      return [line('warn', event.type, { reason: event.reason }, message)];
    }
    case 'chain_guard_failed': {
      const message = 'nobody watches for another chain; tried again in a moment';
      return [line('warn', event.type, { reason: event.reason }, message)];
    }
  }
}
