import { fieldsOf, ProtocolError, quantityOf } from './fields.js';

/** What a plain payment needs of the ledger's parameters. */
export type ProtocolParameters = {
  /** Lovelace for each byte of a transaction. */
  readonly feePerByte: bigint;
  /** Lovelace for each transaction. */
  readonly feeConstant: bigint;
  /** Lovelace for each byte of an output, its constant overhead of 160 bytes included (CIP-55). */
  readonly utxoCostPerByte: bigint;
  readonly transactionBytesMax: number;
  readonly valueBytesMax: number;
};

/** Mainnet's since 2022: for whoever validates before any node was asked. */
export const USUAL_PARAMETERS: ProtocolParameters = {
  feePerByte: 44n,
  feeConstant: 155_381n,
  utxoCostPerByte: 4_310n,
  transactionBytesMax: 16_384,
  valueBytesMax: 5_000,
};

/** Answer to `queryLedgerState/protocolParameters`, Ogmios 6 and 7: https://ogmios.dev/api/ */
export function decodeProtocolParameters(result: unknown): ProtocolParameters {
  const fields = fieldsOf(result, 'the protocol parameters');
  const size = (name: string): number => {
    const bytes = quantityOf(fieldsOf(fields[name], name).bytes, `${name}.bytes`);
    if (bytes === 0n || bytes > 16_777_216n) throw new ProtocolError(`${name} is odd`, bytes);
    return Number(bytes);
  };
  const constant = fieldsOf(fields.minFeeConstant, 'minFeeConstant');
  return {
    feePerByte: quantityOf(fields.minFeeCoefficient, 'minFeeCoefficient'),
    feeConstant: quantityOf(fieldsOf(constant.ada, 'ada').lovelace, 'minFeeConstant'),
    utxoCostPerByte: quantityOf(fields.minUtxoDepositCoefficient, 'minUtxoDepositCoefficient'),
    transactionBytesMax: size('maxTransactionSize'),
    valueBytesMax: size('maxValueSize'),
  };
}
