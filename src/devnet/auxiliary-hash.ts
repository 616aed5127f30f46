import {
  AuxiliaryData,
  hash_auxiliary_data as hashAuxiliaryData,
} from '@dcspark/cardano-multiplatform-lib-nodejs';

/** Blake2b-256 of a transaction's auxiliary data as they were written, hex. */
export function auxiliaryHash(cbor: Uint8Array): string {
  const auxiliary = AuxiliaryData.from_cbor_bytes(cbor);
  const hash = hashAuxiliaryData(auxiliary);
  try {
    return hash.to_hex();
  } finally {
    hash.free();
    auxiliary.free();
  }
}
