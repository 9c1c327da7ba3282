import type { ViolationKind } from '../model/violation.js'
import type { Alteration } from '../support/altered-scripts.js'
import { without } from './mutant.js'

/**
 * A bug injected into the scripts of several partitions or of those who follow their events, and
 * what it breaks.
 */
export interface PartitionMutant {
  readonly name: string
  readonly alterations: readonly Alteration[]
  readonly breaks: readonly ViolationKind[]
}

export const transferMutants: readonly PartitionMutant[] = [
  {
    name: 'what is received is added twice',
    alterations: [
      {
        find: 'move_cart({ sku, units }, IN_TRANSIT, AVAILABLE)',
        replace: 'move_cart({ sku, 2 * units }, IN_TRANSIT, AVAILABLE)',
      },
    ],
    breaks: ['events', 'conservation', 'difference'],
  },
  {
    name: 'what is received again is added again',
    alterations: [
      {
        find: 'sent[i + 1] - transferred(way, sku)\n    if units > 0 then',
        replace: 'sent[i + 1]\n    if units > 0 then',
      },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'what is sent is not taken',
    alterations: [
      { find: 'move(sku, AVAILABLE, IN_TRANSIT, units)', replace: 'move(sku, nil, IN_TRANSIT, units)' },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'what was sent is not remembered',
    alterations: [without("count_transfer('s' .. to, sku, units)")],
    breaks: ['difference', 'conservation'],
  },
  {
    name: 'more is sent than there is',
    alterations: [{ find: 'math.min(available, math.max(wanted,', replace: 'math.max(0, math.max(wanted,' }],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'to send writes no event',
    alterations: [without('emit(SENT, units, sku * 2048 + to)')],
    breaks: ['events', 'difference', 'fault'],
  },
  {
    name: 'no check notices that what was sent is forgotten',
    alterations: [{ find: "if #forgotten('s'", replace: "if false and #forgotten('s'" }],
    breaks: ['difference'],
  },
  {
    name: 'what is lacking for a recovery is taken all the same',
    alterations: [without('move(sku, nil, AVAILABLE, short)')],
    breaks: ['conservation', 'difference'],
  },
  {
    name: 'a reservation that a recovery makes is as old as the recovery',
    alterations: [{ find: 'local created = plan[4] or now', replace: 'local created = now' }],
    breaks: ['difference'],
  },
  {
    name: 'a late payment is refused while other partitions may have units',
    alterations: [without("if sku and final == 0 then return 'W', { sku, counts(sku)[AVAILABLE] } end")],
    breaks: ['difference'],
  },
  {
    name: 'units are taken out as far as they are here, though others may have some',
    alterations: [{ find: 'elseif finals[i] == 0 and', replace: 'elseif false and' }],
    breaks: ['difference'],
  },
  {
    name: 'every partition begins with more units than its slice',
    alterations: [
      {
        find: 'cmsgpack.pack(units[i], 0, 0, units[i], 0',
        replace: 'cmsgpack.pack(units[i] + 1, 0, 0, units[i] + 1, 0',
      },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'units that come back on sale are not counted',
    alterations: [without('if applied > 0 then returns = returns + 1 end')],
    breaks: ['difference'],
  },
  {
    name: 'a claim that is used up goes on',
    alterations: [{ find: 'row[OWED] = owed + units', replace: 'row[OWED] = owed' }],
    breaks: ['difference'],
  },
  {
    name: 'units from partition 0 leave the claim as it was',
    alterations: [without('if from == 0 and row[OWED] < 0 then row[OWED] = 0 end')],
    breaks: ['difference'],
  },
  {
    name: 'a claim that is read late is taken over',
    alterations: [{ find: 'if before <= received then', replace: 'if true then' }],
    breaks: ['difference'],
  },
]

/** Bugs of reservations that go to another partition. */
export const departureMutants: readonly PartitionMutant[] = [
  {
    name: "a reservation arrives whatever the receiver's limit is",
    alterations: [
      {
        find: 'limit_exceeded(lines, bucket, receiver, household)\n  if sku ==',
        replace: 'nil\n  if sku ==',
      },
    ],
    breaks: ['difference'],
  },
  {
    name: 'that a transfer was declined is not remembered',
    alterations: [without('if not declined then decline(bucket, nonce) end')],
    breaks: ['difference'],
  },
  {
    name: 'a transfer that was declined is accepted later',
    alterations: [without("if declined then return 'D' end")],
    breaks: ['difference'],
  },
  {
    name: 'a reservation that arrives again takes units again',
    alterations: [
      {
        find: "if record then return 'A', { encode(record) } end\n  return",
        replace:
          "if record then move_cart(lines_of(record[ITEMS]), IN_TRANSIT, HELD) return 'A', { encode(record) } end\n  return",
      },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'the units of a reservation that arrives stay in transit',
    alterations: [without('move_cart(lines, IN_TRANSIT, place_of(state))')],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'an order arrives as a hold',
    alterations: [
      {
        find: 'move_cart(lines, IN_TRANSIT, place_of(state))',
        replace: 'move_cart(lines, IN_TRANSIT, HELD)',
      },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'what arrives is not counted as received',
    alterations: [without("count_carried('r', other, lines, 1)")],
    breaks: ['difference'],
  },
  {
    name: 'what departs is not counted as sent',
    alterations: [without("count_carried('s', wish[6], lines_of(record[ITEMS]), 1)")],
    breaks: ['difference'],
  },
  {
    name: 'units that come back from a transfer are still counted as sent',
    alterations: [without("count_carried('s', other, lines_of(record[ITEMS]), -1)")],
    breaks: ['difference'],
  },
  {
    name: 'no process is told of a reservation on its way',
    alterations: [without('changed_rows.d = departing() .. wish[1]')],
    breaks: ['difference'],
  },
  {
    name: 'a reservation stays on its way after it has arrived',
    alterations: [{ find: 'forgotten[id] = true\n    if', replace: 'if' }],
    breaks: ['difference', 'conservation'],
  },
  {
    name: 'the end of one transfer is the end of all',
    alterations: [{ find: 'if not forgotten[one] then left', replace: 'if false then left' }],
    breaks: ['difference'],
  },
  {
    name: 'a hold that comes back never expires by itself',
    alterations: [{ find: 'if state == IS_HELD then watch_expiry(expires) end\nend', replace: 'end' }],
    breaks: ['difference', 'conservation'],
  },
  {
    name: 'a recovery that ends a record keeps its units',
    alterations: [
      {
        find: 'had_units and place_of(record[STATE]), had_units and AVAILABLE',
        replace: 'nil, nil',
      },
    ],
    breaks: ['conservation', 'events', 'difference'],
  },
  {
    name: 'a reservation on its way counts for its buyer no more',
    alterations: [{ find: 'state == IS_DEPARTED', replace: 'false' }],
    breaks: ['difference'],
  },
]

export const groupMutants: readonly PartitionMutant[] = [
  {
    name: 'an acknowledgement ignores the epoch',
    alterations: [{ find: 'if group[EPOCH] ~= epoch or group[CONSUMER]', replace: 'if group[CONSUMER]' }],
    breaks: ['difference'],
  },
  {
    name: 'an acknowledgement ignores which consumer has the lease',
    alterations: [{ find: 'or group[CONSUMER] ~= consumer', replace: '' }],
    breaks: ['difference'],
  },
  {
    name: 'a lease is taken from its consumer',
    alterations: [{ find: 'if group and not own and now < group[UNTIL] then', replace: 'if false then' }],
    breaks: ['difference'],
  },
  {
    name: 'a lease lasts a ms too long',
    alterations: [{ find: 'and now < group[UNTIL]', replace: 'and now <= group[UNTIL]' }],
    breaks: ['difference'],
  },
  {
    name: 'another consumer takes the lease and the epoch stays',
    alterations: [
      {
        find: 'if not own then group[EPOCH] = group[EPOCH] + 1 end',
        replace: 'if group[EPOCH] == 0 then group[EPOCH] = 1 end',
      },
    ],
    breaks: ['difference'],
  },
  {
    name: 'the position goes back',
    alterations: [
      {
        find: 'math.max(group[POSITION], math.min(position, sequence))',
        replace: 'math.min(position, sequence)',
      },
    ],
    breaks: ['difference', 'promise'],
  },
  {
    name: 'trimming ignores the groups',
    alterations: [
      { find: 'if group then position = math.min', replace: 'if false then position = math.min' },
    ],
    breaks: ['difference', 'events'],
  },
  {
    name: 'trimming ignores the age',
    alterations: [{ find: 'if at > now - kept or (', replace: 'if false or (' }],
    breaks: ['difference', 'events'],
  },
  {
    name: 'trimming keeps one event too few',
    alterations: [{ find: 'sequence - last < max_events', replace: 'sequence - last < max_events - 1' }],
    breaks: ['difference', 'events'],
  },
  {
    name: 'the latest entry is trimmed',
    alterations: [
      {
        find: "redis.call('XTRIM', EVENTS, 'MINID', '=', from)",
        replace: "redis.call('XTRIM', EVENTS, 'MINID', '=', '9999999-0')",
      },
    ],
    breaks: ['difference', 'events', 'fault'],
  },
  {
    name: 'what is parked again is parked twice',
    alterations: [without('forget(group, parks[i])')],
    breaks: ['difference', 'fault'],
  },
  {
    name: 'a group that is dropped leaves its position',
    alterations: [{ find: 'known[name] = false\n  change(name)', replace: 'change(name)' }],
    breaks: ['difference'],
  },
]

/** Bugs of what the other partitions pass on while partition 0 owes units: buyers notice these. */
export const debtMutants: readonly PartitionMutant[] = [
  {
    name: 'no partition passes units on to one that owes some',
    alterations: [{ find: 'if units > -row[OWED] then', replace: 'if false then' }],
    breaks: ['answer'],
  },
  {
    name: 'units that are passed on are not counted',
    alterations: [{ find: 'sent[sku] = (sent[sku] or 0) + units', replace: 'sent[sku] = sent[sku] or 0' }],
    breaks: ['answer', 'conservation'],
  },
]
