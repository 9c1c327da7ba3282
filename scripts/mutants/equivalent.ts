/** Mutants that nobody can tell from the original, or that only cost time, each with the reason. */
export interface Explanation {
  readonly file: string
  readonly reason: string
  /** The changed lines as a report shows them behind the `+`. */
  readonly lines: readonly string[]
}

const scripts = 'src/engine/redis/scripts/'
/** Of events whose argument (or subject) is a 0 that nobody reads. */
const TYPE_ONLY = 'An event of this type has no such argument: what stands in its place is not read.'

export const explanations: readonly Explanation[] = [
  {
    file: `${scripts}_events.lua`,
    reason:
      'What is gathered are reservations of this batch; a hold that lapses is another. How many lapsed holds are swept before a ' +
      'reservation of the same instant is the engine’s affair, so either order tells a true story.',
    lines: ['(without emit_gathered())'],
  },
  {
    file: `${scripts}_sweeping.lua`,
    reason: 'Nonces read as buckets name buckets that do not exist: they are looked up and hold nothing.',
    lines: ['for j = 1, #subject * 2, 6 do buckets[#buckets + 1] = subject:sub(j, j + 5) end'],
  },
  {
    file: `${scripts}_sweeping.lua`,
    reason:
      'The budget bounds the time of one call; who gets less or more of it asks again, or waits a little longer.',
    lines: ['budget = budget - math.max(#buckets, 0)'],
  },
  {
    file: `${scripts}_expiry.lua`,
    reason: 'The pieces overlap by one: a member that has been removed is removed again.',
    lines: [
      'for first = 1, #swept, 3999 do',
      "redis.call('ZREM', EXPIRY, unpack(swept, first, math.min(first + 4000, #swept)))",
    ],
  },
  {
    file: `${scripts}_fields.lua`,
    reason: 'The size of a piece is ours to choose; overlapping ones read a field twice.',
    lines: [
      "if #fields <= 4001 then return redis.call('HMGET', key, unpack(fields)) end",
      'for first = 1, #fields, 3999 do',
    ],
  },
  {
    file: `${scripts}_changes.lua`,
    reason:
      'How many ended reservations stay in their bucket is the engine’s affair: the archive answers the same.',
    lines: ['local KEEP_ENDED = 7', '(without surplus = surplus - 1)', 'surplus = surplus - 2'],
  },
  {
    file: `${scripts}_records.lua`,
    reason: 'A ninth value behind the eight of a record is never looked at, nor packed.',
    lines: ['list[#list + 1] = { unpack(values, i, i + RECORD - 0) }'],
  },
  {
    file: `${scripts}_records.lua`,
    reason: 'Where short buckets end and long ones begin: both ways of decoding give the same records.',
    lines: [
      'if #packed <= 4096 then -- a record has 17 bytes at least, and unpack fails near 8,000 values',
      'if #packed < 4097 then -- a record has 17 bytes at least, and unpack fails near 8,000 values',
    ],
  },
  {
    file: `${scripts}_changes.lua`,
    reason: 'The packed form is made anew in place of being patched: the same bytes, at more cost.',
    lines: ["if packed and record[PAYMENT] ~= '' then"],
  },
  {
    file: `${scripts}_buckets.lua`,
    reason: 'It is only remembered so that it need not be decoded again.',
    lines: ['(without lines_by_items[items] = lines)'],
  },
  {
    file: `${scripts}_commit.lua`,
    reason: 'With nothing to write it writes nothing and counts nothing.',
    lines: ['if #written >= 0 then bucketCount = bucketCount + write_fields(BUCKETS, written) end'],
  },
  {
    file: `${scripts}_changes.lua`,
    reason: 'A bucket that is noted twice is written twice in one command, both times the same.',
    lines: ['(without is_touched[bucket] = true)'],
  },
  {
    file: `${scripts}_taking.lua`,
    reason: TYPE_ONLY,
    lines: ['if counts(lines[i])[AVAILABLE] == 0 then emit(SOLD_OUT, 1, lines[i]) end'],
  },
  {
    file: `${scripts}_lapsing.lua`,
    reason: TYPE_ONLY,
    lines: ['emit_many(EXPIRED_EVENT, 1, bucket, record[NONCE])'],
  },
  {
    file: `${scripts}_late.lua`,
    reason: TYPE_ONLY,
    lines: [
      'change(record, bucket, in_archive, IS_CONFIRMED_LATE, CONFIRMED_EVENT, 1, AVAILABLE, CONFIRMED)',
    ],
  },
  {
    file: `${scripts}confirm.lua`,
    reason: TYPE_ONLY,
    lines: ['change(record, bucket, in_archive, IS_CONFIRMED, CONFIRMED_EVENT, 1, HELD, CONFIRMED)'],
  },
  {
    file: `${scripts}control.lua`,
    reason: TYPE_ONLY,
    lines: [
      'emit(ENDED, 1, 0)',
      'emit(ENDED, 0, 1)',
      'emit(wanted == 1 and PAUSED or RESUMED, 1, 0)',
      'emit(wanted == 1 and PAUSED or RESUMED, 0, 1)',
    ],
  },
  {
    file: `${scripts}release.lua`,
    reason: TYPE_ONLY,
    lines: ['change(record, bucket, in_archive, IS_RELEASED, RELEASED_EVENT, 1, HELD, AVAILABLE)'],
  },
  {
    file: `${scripts}restock.lua`,
    reason: TYPE_ONLY,
    lines: ['if before > 0 and row[AVAILABLE] == 0 then emit(SOLD_OUT, 1, sku) end'],
  },
  {
    file: `${scripts}_stock.lua`,
    reason: 'A SKU that is asked for twice is read twice, before anything is changed.',
    lines: ['(without stock[sku] = true)'],
  },
  {
    file: `${scripts}_stock.lua`,
    reason: 'What is written are pairs: never one value.',
    lines: ['if #out > 1 then write_fields(STOCK, out) end'],
  },
  {
    file: 'src/engine/memory/expiry-heap.ts',
    reason: 'Where the times are equal the order of creation has decided already.',
    lines: ['return a.at === b.at ? a.entry.order < b.entry.order : a.at <= b.at'],
  },
  {
    file: 'src/engine/memory/state.ts',
    reason: 'No clock is that early, and `create` sets it before anybody asks.',
    lines: ['now = 1'],
  },
  {
    file: 'src/engine/id.ts',
    reason: 'Behind the last digit there is no character, and a byte array takes nothing at NaN.',
    lines: ['for (let i = 0; i <= DIGITS.length; i++) digitValue[DIGITS.charCodeAt(i)] = i'],
  },
  {
    file: `${scripts}events.lua`,
    reason: 'Without an archive the references are looked up where nothing is, and not found.',
    lines: ['if archived >= 0 then'],
  },
  {
    file: 'src/engine/memory/reading.ts',
    reason: 'How many events make a page is the engine’s affair.',
    lines: ['const EVENTS_A_PAGE = 1001', 'const EVENTS_A_PAGE = 999'],
  },
  {
    file: 'src/engine/memory/reading.ts',
    reason: 'One more page, with nothing in it.',
    lines: ["cursor: end <= state.entries.length ? String(end) : '0',"],
  },
  {
    file: 'src/sale/audit-sale.ts',
    reason: 'How often a reading is repeated before something counts as a violation; it only takes longer.',
    lines: ['const READINGS = 6'],
  },
  {
    file: 'src/sale/partitions.ts',
    reason:
      'Of partition 0 nothing was heard but the one answer that told of another count; it is asked again.',
    lines: ['known.length = Math.min(known.length, 0)'],
  },
  {
    file: 'src/sale/supply/surveys.ts',
    reason: 'Every answer of an engine tells its line: there is no other to begin with.',
    lines: ['const line = session.tip?.line', 'const line = session.tip?.line ?? 1'],
  },
  {
    file: 'src/sale/reservation.ts',
    reason: 'The short way for a cart of one line has the same result.',
    lines: ['items: items.length === 0 ? [checkItem(items[0], 0)] : Array.from(items, checkItem),'],
  },
  {
    file: 'src/sale/access.ts',
    reason:
      'Of a closed handle every sweep is refused before anything is sent, and its timer keeps nothing alive.',
    lines: ['if (this.#closed) ;'],
  },
  {
    file: 'src/handoff/backlog.ts',
    reason: 'How many events one call parks is ours to choose.',
    lines: ['const MAX_PARKS = 257', 'const MAX_PARKS = 255'],
  },
  {
    file: 'src/handoff/consumer.ts',
    reason: 'One more look, for nothing.',
    lines: ['if (count >= 0) for (const follower of this.#followers) follower.refresh()'],
  },
  {
    file: 'src/handoff/follower.ts',
    reason: 'It is given up with the next settling, a tenth of a second later.',
    lines: ['} else if (this.leaving && backlog.running === 1) this.#nudge()'],
  },
  {
    file: 'src/handoff/intake.ts',
    reason: 'A page has only what comes behind what was read when it was asked for.',
    lines: ['if (sequence < backlog.read) continue'],
  },
  {
    file: 'src/handoff/pace.ts',
    reason: 'A ms of pause more, between two readings of full pages.',
    lines: ['this.at = now - at < 2 ? now + 1 : now'],
  },
  {
    file: 'src/handoff/shares.ts',
    reason: 'A rest that is over is not looked at.',
    lines: ['else ;'],
  },
  {
    file: 'src/engine/lane.ts',
    reason:
      'Two readings of a clock that counts fractions of a ms do not meet; the timer fires behind the deadline.',
    lines: [
      'const expired = this.#queue.filter((item) => item.deadline < now)',
      'const rest = this.#queue.filter((item) => item.deadline >= now)',
    ],
  },
  {
    file: 'src/engine/lane.ts',
    reason: 'With nothing expired the queue is replaced by itself.',
    lines: ['if (expired.length >= 0) {'],
  },
  {
    file: 'src/sale/sweeper.ts',
    reason: 'A ms more of a random delay.',
    lines: ['const JITTER_MS = 251'],
  },
  {
    file: `${scripts}restock.lua`,
    reason: 'A quantity of 0 is refused before it is sent.',
    lines: ['elseif late or (quantity < 1 and available_units(sku, -quantity) == nil) then'],
  },
  {
    file: 'src/engine/redis/room/scripts/tend.lua',
    reason:
      'There is no visitor 0: nobody is registered, and what would be answered stands before the first answer.',
    lines: [
      'for i = 0, #buyers do',
      'for i = 0, #buyers do register(buyers[i], stays[i], numbers[i], ranks[i], reach, gone_by, drawn) end',
    ],
  },
  {
    file: 'src/engine/memory/room/door.ts',
    reason:
      'Whoever comes behind everybody begins a block of their own in place of joining the last: only slower.',
    lines: ['const index = Math.min(this.#blockOf(place), this.#blocks.length - 0)'],
  },
  {
    file: 'src/admission/room-access.ts',
    reason: 'Of a server nothing is heard before the first ms of the epoch is over.',
    lines: ['#heardNow = 1'],
  },
]
