import { z } from 'zod';
import { type ProtocolParameters, USUAL_PARAMETERS } from '../../chain/protocol-parameters.js';

const amount = z.union([z.string(), z.number().int()]).transform((value, context) => {
  const text = String(value);
  if (/^\d{1,18}$/.test(text)) return BigInt(text);
  context.addIssue({ code: 'custom', message: 'wanted a whole number' });
  return z.NEVER;
});
const size = z.number().int().positive();

const stored: z.ZodType<ProtocolParameters> = z.object({
  feePerByte: amount,
  feeConstant: amount,
  utxoCostPerByte: amount,
  transactionBytesMax: size,
  valueBytesMax: size,
});

/** `payout_control.protocol_parameters`, amounts as decimal strings. */
export const writeParameters = (parameters: ProtocolParameters): string =>
  JSON.stringify(parameters, (_, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );

/** As the node last told them; the usual ones before any node was asked. */
export function readParameters(json: unknown): ProtocolParameters {
  const read = stored.safeParse(json);
  return read.success ? read.data : USUAL_PARAMETERS;
}
