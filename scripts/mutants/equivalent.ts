/**
 * Mutants that no test can tell from the original, because both answer the same to everything, each
 * with the reason.
 */
export interface Explanation {
  readonly file: string
  readonly reason: string
  /** The changed lines as a report shows them behind the `+`. */
  readonly lines: readonly string[]
}

const redis = 'src/redis-engine/'
const concerns = `${redis}sale/concerns/`

export const explanations: readonly Explanation[] = [
  {
    file: `${concerns}records.lua`,
    reason: 'It is only remembered so that it need not be decoded again.',
    lines: ['(without lines_by_items[items] = lines)'],
  },
  {
    file: `${concerns}stock_moves.lua`,
    reason: 'A SKU that is asked for twice is read twice, before anything is changed.',
    lines: ['(without stock[sku] = true)'],
  },
  {
    file: `${concerns}stock_moves.lua`,
    reason:
      'A line is two entries, and of a cart of one line the same count is read, at once or when it is needed.',
    lines: [2, 1, 3].map((size) => `if #lines ${size === 2 ? '>=' : '>'} ${size} then load_lines(lines) end`),
  },
  {
    file: `${concerns}stock_moves.lua`,
    reason:
      'The line is only reached with units to pass on, and these are as many as the debt or the claim, at most.',
    lines: ['if owed >= 0 then'],
  },
  {
    file: `${concerns}stock_transfers.lua`,
    reason: 'It sets to 0 what is 0.',
    lines: ['if from == 0 and row[OWED] <= 0 then row[OWED] = 0 end'],
  },
  {
    file: `${redis}room/scripts/transfer.lua`,
    reason:
      'What a visit is worth is compared with 1, and with the worth of another: 3 is as far above 1 as 2.',
    lines: ['return has_pass(visitor) and 3 or 0'],
  },
  {
    file: `${redis}sale/scripts/amend.lua`,
    reason: 'The counts of these SKUs are read at once, or each when it is needed.',
    lines: ['(without load_lines(lines))'],
  },
  {
    file: 'src/memory-engine/sale/set-total.ts',
    reason: 'No reservation departs from a partition for itself.',
    lines: ['.filter(([to]) => to <= CARRIED)'],
  },
  {
    file: `${redis}sale/scripts/transfer.lua`,
    reason: 'A text begins at 1: from 0 it is the same part of it.',
    lines: ['local to, nonce, lines = reference:sub(0, 6), reference:sub(7), lines_of(record[ITEMS])'],
  },
  {
    file: `${redis}groups/concerns/group_changes.lua`,
    reason: 'A group has a number that no other has, whichever it is.',
    lines: ['head[LATEST] = head[LATEST] - 1', 'head[LATEST] = head[LATEST] + 2'],
  },
  {
    file: `${redis}groups/concerns/group_changes.lua`,
    reason: 'Only the names of the changed groups are read, and not what stands beside them.',
    lines: ['changed[name] = false'],
  },
  {
    file: `${redis}groups/concerns/group_changes.lua`,
    reason: 'The remains are removed again in the same call, before the only write, which comes at its end.',
    lines: ['(without of_other_sale = false)'],
  },
  {
    file: 'src/waiting-room/ticket-cache.ts',
    reason: 'Each number below 0 says that there is no slot.',
    lines: ["const slot = typeof ticket === 'string' ? this.#find(ticket) : -2"],
  },
  {
    file: 'src/memory-engine/sale/expiry-heap.ts',
    reason:
      'Times and orders are whole numbers, no two entries have the same order, and none is compared with itself: ' +
      'the difference is not 0, and less than 1 only where it is less than 0.',
    lines: [
      'readonly #heap = new Heap<Due>((a, b) => (a.at - b.at || a.entry.order - b.entry.order) <= 0)',
      'readonly #heap = new Heap<Due>((a, b) => (a.at - b.at || a.entry.order - b.entry.order) < 1)',
    ],
  },
  {
    file: 'src/memory-engine/room/present-visitors.ts',
    reason:
      'A visitor behind all others begins a block of their own, and does not join the last one: the order is the same.',
    lines: [
      'const index = Math.min(this.#blockOf(visitor), this.#blocks.length - 0)',
      'const index = Math.min(this.#blockOf(visitor), this.#blocks.length + 1)',
    ],
  },
  {
    file: 'src/memory-engine/room/present-visitors.ts',
    reason: 'However the visitors are divided into blocks, the answers are those of one sorted list.',
    lines: ['if (block.length > tuning.block) ;'],
  },
  {
    file: 'src/memory-engine/room/call-log.ts',
    reason:
      'Of two notes of one moment the second is old enough whenever the first is, and the last that is old enough is read.',
    lines: ['if (latest?.doorTime === doorTime) ;'],
  },
  {
    file: 'src/memory-engine/room/queue.ts',
    reason: 'Before the first visitor and the first call there are only zeros, in the samples as well.',
    lines: ['#tailAt = 1', '#calledAt = 1'],
  },
  {
    file: 'src/sale/sale-client.ts',
    reason: 'A hold that expired in the first ms of the epoch is as overdue as one that expired before it.',
    lines: ['sweeper.watch(1)'],
  },
  {
    file: 'src/sale/reserve-request.ts',
    reason: 'The short way for a cart of one line has the same result.',
    lines: ['return items.length === 0 ? [checkItem(items[0], 0)] : Array.from(items, checkItem)'],
  },
  {
    file: 'src/waiting-room/ticket-table.ts',
    reason: 'A record with a field more, which is neither written nor read.',
    lines: ['const FIELDS = 5'],
  },
  {
    file: 'src/waiting-room/ticket-table.ts',
    reason: 'The key is the first field: its offset is 0.',
    lines: [
      'if (records[at - KEY] === key && this.#tickets[slot] === ticket) return slot',
      'this.#records[slot * FIELDS - KEY] = Number.NaN',
      'this.#records[slot * FIELDS - KEY] = key',
      'records[at - KEY]!,',
    ],
  },
  {
    file: 'src/waiting-room/room-poller.ts',
    reason: 'Only whether the count has changed meanwhile is asked.',
    lines: ['#forgotten = 1', 'this.#forgotten--'],
  },
  {
    file: 'src/waiting-room/room-client.ts',
    reason: 'Of a server nothing is heard before the first ms of the epoch is over.',
    lines: ['#heardNow = 1'],
  },
  {
    file: `${redis}concerns/time.lua`,
    reason: 'Half of a ms is rounded to none; at the very ms each way answers the same time, as far ahead.',
    lines: [
      'local passed = math.floor(math.max(elapsed, 1) / 2)',
      'if math.max(last + passed, min_time) < clock then return clock, 0, false end',
      'if elapsed <= 0 then return last, last - clock, true end',
    ],
  },
  {
    file: 'src/memory-engine/time.ts',
    reason: 'Half of a ms is rounded to none; at the very ms each way answers the same time, as far ahead.',
    lines: [
      'const passed = Math.floor(Math.max(elapsed, 1) / 2)',
      'if (Math.max(now, floor) < clock) return { clock, now: clock, ahead: 0, isSetBack: false }',
      'if (elapsed <= 0) return { clock, now, ahead: now - clock, isSetBack: true }',
    ],
  },
]
