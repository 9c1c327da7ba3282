import type { Mutant } from './mutant.js'

/** Bugs of transfers. */
export const transferMutants: readonly Mutant[] = [
  {
    name: "a transfer ignores the receiver's limit",
    alterations: [{ find: 'limit_exceeded(lines, to, receiver, counts_for)', replace: 'nil' }],
    breaks: ['limit', 'answer'],
  },
  {
    name: 'the units of a transfer are counted twice',
    alterations: [
      {
        find: 'record[BUYER], earlier)\n  return',
        replace: 'record[BUYER], earlier)\n  move_cart(lines, AVAILABLE, HELD)\n  return',
      },
    ],
    breaks: ['conservation'],
  },
  {
    name: 'a transfer takes the key along',
    alterations: [
      {
        find: 'nonce, receiver, origin_after(values[KEY], from), household',
        replace: 'nonce, receiver, record[KEY], household',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'the old id names the sender as the receiver',
    alterations: [
      {
        find: 'cmsgpack.pack(new_id, wish[2], new_id,',
        replace: 'cmsgpack.pack(new_id, record[BUYER], new_id,',
      },
    ],
    breaks: ['answer'],
  },
  {
    name: 'the event of a transfer comes twice',
    alterations: [
      {
        find: 'emit_many(TRANSFERRED, expires, bucket, nonce, record, subject)',
        replace:
          'emit_many(TRANSFERRED, expires, bucket, nonce, record, subject)\n  emit_many(TRANSFERRED, expires, bucket, nonce, record, subject)',
      },
    ],
    breaks: ['events', 'fault'],
  },
  {
    name: 'a hold that was transferred never expires by itself',
    alterations: [
      {
        find: 'if record[STATE] == IS_HELD then watch_expiry(expires) end\n  return record',
        replace: 'return record',
      },
    ],
    breaks: ['answer', 'promise', 'fault', 'conservation'],
  },
]
