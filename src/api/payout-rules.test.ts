import { describe, expect, test } from 'vitest';
import { enterpriseAddress, longAddress } from '../../test/support/addresses.js';
import { HOT_WALLET } from '../../test/support/http.js';
import { act, ask, DESTINATION, payoutsInTests, UNIT, wanted } from '../../test/support/payouts.js';

const { serve, served, query } = payoutsInTests();
const BYRON_PREPROD =
  'KjgoiXJS2coTnqpCLHXFtd89Hv9ttjsE6yW4msyLXFNkykUpTsyBs85r2rDDia2uKrhdpGKCJnmFXwvPSWLe75564ixZWdTxRh7TnuaDLnHx';

describe('a refusal stores nothing and says why:', () => {
  const tooSmall = wanted({ amountLovelace: '900000' });
  const unknown = wanted({ assets: { [UNIT]: '1' } });
  test.each<[string, object, number, string, string]>([
    ['no body at all', [], 422, 'invalid-body', ''],
    [
      'a field that is unknown',
      wanted({ colour: 'red' }),
      422,
      'invalid-body',
      'colour: is unknown',
    ],
    [
      'a number for an amount',
      wanted({ amountLovelace: 2e6 }),
      422,
      'invalid-body',
      'amountLovelace',
    ],
    ...['0', '-1', '1.5', '007', '1e6', ' 1', '', '45000000000000001'].map(
      (amount) =>
        [
          `an amount of "${amount}"`,
          wanted({ amountLovelace: amount }),
          422,
          'invalid-body',
          'amountLovelace: wanted',
        ] as [string, object, number, string, string],
    ),
    ['a quantity of 0', wanted({ assets: { [UNIT]: '0' } }), 422, 'invalid-body', `assets.${UNIT}`],
    [
      'a quantity of 2^63',
      wanted({ assets: { [UNIT]: '9223372036854775808' } }),
      422,
      'invalid-body',
      `assets.${UNIT}`,
    ],
    ['a unit that is none', wanted({ assets: { tok: '1' } }), 422, 'invalid-body', 'assets.tok'],
    [
      'lovelace among the assets',
      wanted({ assets: { lovelace: '1' } }),
      422,
      'invalid-body',
      'assets.lovelace',
    ],
    ['an asset nobody had', unknown, 422, 'unknown-unit', UNIT],
    [
      'a wrong checksum',
      wanted({ destinationAddress: `${DESTINATION.slice(0, -1)}q` }),
      422,
      'invalid-address',
      'checksum',
    ],
    [
      'another network',
      wanted({ destinationAddress: 'addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8' }),
      422,
      'invalid-address',
      'mainnet',
    ],
    [
      'a stake address',
      wanted({
        destinationAddress: 'stake_test1uqehkck0lajq8gr28t9uxnuvgcqrc6070x3k9r8048z8y5gssrtvn',
      }),
      422,
      'invalid-address',
      'stake',
    ],
    [
      'the hot wallet',
      wanted({ destinationAddress: HOT_WALLET }),
      422,
      'destination-not-allowed',
      'hot wallet',
    ],
    [
      'the hot wallet in capitals',
      wanted({ destinationAddress: HOT_WALLET.toUpperCase(), allowDepositAddress: true }),
      422,
      'destination-not-allowed',
      'hot wallet',
    ],
    [
      'a deposit address',
      wanted({ destinationAddress: longAddress(7) }),
      422,
      'deposit-address',
      'allowDepositAddress',
    ],
    ['less than the output needs', tooSmall, 422, 'below-minimum-utxo', 'at least 969750'],
    [
      'more than the user has',
      wanted({ userId: 'ann' }),
      422,
      'insufficient-balance',
      'available are 0 of lovelace',
    ],
    ['an empty user', wanted({ userId: '' }), 422, 'invalid-body', 'userId: is empty'],
    ['a NUL in a reference', wanted({ referenceId: 'a\u0000b' }), 422, 'invalid-body', 'NUL'],
    ['a NUL in metadata', wanted({ metadata: { a: '\u0000' } }), 422, 'invalid-body', 'NUL'],
    [
      'much metadata',
      wanted({ metadata: { a: 'x'.repeat(4090) } }),
      422,
      'invalid-body',
      'at most 4096',
    ],
    ['a list for metadata', wanted({ metadata: [1] }), 422, 'invalid-body', 'metadata'],
  ])('%s', async (_, body, status, type, detail) => {
    await query(
      "insert into payment_addresses (address, partition_id, user_id) values ($1, 0, 'bob')",
      [longAddress(7)],
    );
    await serve({}, async (url) => {
      const answer = await ask(url, body);
      expect(answer).toMatchObject({ status, type });
      expect(answer.detail).toContain(detail);
    });
    expect(await query('select from outbound_payments')).toEqual([]);
    expect(await query('select from balance_transactions')).toEqual([]);
    expect(served.nudged).toEqual([]);
  });

  test.each([undefined, '', 'a b', 'ä', 'k'.repeat(256)])(
    'the Idempotency-Key %j',
    async (value) => {
      await serve({}, async (url) => {
        const headers = {
          authorization: 'Bearer key-of-payer',
          'content-type': 'application/json',
          ...(value === undefined ? {} : { 'idempotency-key': value }),
        };
        const body = JSON.stringify(wanted());
        const answer = await fetch(`${url}/v1/payouts`, { method: 'POST', headers, body });
        expect(answer.status).toBe(400);
        expect(await answer.text()).toContain('Idempotency-Key');
      });
    },
  );

  test('a key without the scope', async () => {
    await serve({}, async (url) => {
      expect((await ask(url, wanted(), { key: 'key-of-all' })).status).toBe(403);
      expect((await act(url, 'a'.repeat(32), 'cancel', 'key-of-second')).status).toBe(403);
      expect((await act(url, 'a'.repeat(32), 'approve', 'key-of-all')).status).toBe(403);
      const list = { headers: { authorization: 'Bearer key-of-payer' } };
      expect((await fetch(`${url}/v1/payouts`, list)).status).toBe(403);
    });
  });

  test('a destination that is not on the list', async () => {
    await serve({ destinations: new Set([DESTINATION]) }, async (url) => {
      const other = wanted({ destinationAddress: longAddress(501) });
      expect(await ask(url, other)).toMatchObject({ status: 422, type: 'destination-not-allowed' });
      expect((await ask(url, wanted())).status).toBe(201);
    });
  });

  test('no secret to make ids with', async () => {
    await serve({ idSecret: null }, async (url) => {
      const answer = await ask(url, wanted());
      expect(answer).toMatchObject({ status: 503, type: 'payouts-off' });
      expect(answer.detail).toContain('PAYOUT_ID_SECRET');
    });
  });
});

describe('what may be paid', () => {
  test.each([
    ['a Byron address', { destinationAddress: BYRON_PREPROD }],
    ['an address in capitals', { destinationAddress: DESTINATION.toUpperCase() }],
    ['an enterprise address', { destinationAddress: enterpriseAddress(3) }],
    [
      'a deposit address that is meant',
      { destinationAddress: longAddress(7), allowDepositAddress: true },
    ],
    ['all the lovelace there is', { amountLovelace: '45000000000000000' }],
  ])('%s', async (_, more) => {
    await query(
      "insert into payment_addresses (address, partition_id, user_id) values ($1, 0, 'bob')",
      [longAddress(7)],
    );
    await serve({}, async (url) => {
      const answer = await ask(url, wanted(more));
      expect(answer).toMatchObject({ status: 201 });
      expect(answer.payout.destinationAddress).toBe(
        wanted(more).destinationAddress.replace(/^ADDR.*/, (text) => text.toLowerCase()),
      );
    });
  });

  test.each([
    [
      'in the hot wallet',
      "insert into wallet_outputs (tx_hash, output_index, partition_id, address, amount_lovelace, assets) values (repeat('a', 64), 0, 0, 'x', 1, jsonb_build_object($1::text, '5'))",
    ],
    ["in another user's balance", "insert into user_balances values ('bob', $1, 0, 0, 0)"],
  ])('an asset that was %s', async (_, statement) => {
    await query(statement, [UNIT]);
    await serve({}, async (url) => {
      const body = wanted({ assets: { [UNIT]: '9223372036854775807' } });
      expect(await ask(url, body)).toMatchObject({
        status: 201,
        payout: { assets: { [UNIT]: '9223372036854775807' } },
      });
    });
  });

  test("is judged by the node's own parameters once they are known", async () => {
    const dear = {
      feePerByte: '44',
      feeConstant: '155381',
      utxoCostPerByte: '43100',
      transactionBytesMax: 16384,
      valueBytesMax: 5000,
    };
    await query('update payout_control set protocol_parameters = $1', [JSON.stringify(dear)]);
    await serve({}, async (url) => {
      expect(await ask(url, wanted())).toMatchObject({ status: 422, type: 'below-minimum-utxo' });
    });
  });
});
