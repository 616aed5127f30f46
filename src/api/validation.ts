import type { z } from 'zod';
import { HttpProblem } from './problems.js';

/** Query and path: what is wrong with them is a bad request. */
export function parseRequest<T>(schema: z.ZodType<T>, given: unknown): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data;
  const errors = tellIssues(result.error);
  throw new HttpProblem(400, 'invalid-request', errors.map(tellError).join('; '), { errors });
}

export type FieldError = { readonly field: string; readonly problem: string };

export const tellError = ({ field, problem }: FieldError): string =>
  field === '' ? problem : `${field}: ${problem}`;

export const tellIssues = (error: z.ZodError): FieldError[] =>
  error.issues.flatMap((issue): FieldError[] =>
    issue.code === 'unrecognized_keys'
      ? issue.keys.map((field) => ({ field, problem: LATER_FIELDS.get(field) ?? 'is unknown' }))
      : [{ field: issue.path.join('.'), problem: issue.message }],
  );

const NOT_YET = 'is not available in this version yet';
/** Part of the contract, and of a later version. */
const LATER_FIELDS: ReadonlyMap<string, string> = new Map([['derive', NOT_YET]]);
