/**
 * The figures of the planner, measured on two virtual cores of an AMD EPYC, Redis 7.0.15, Node
 * 20.20.2. `measuredBy` says how to measure them again; `npm run plan -- --check` compares the plan
 * with this machine.
 */

/** The cost of a script call, and of each item in it. */
export interface Cost {
  readonly perCall: number
  readonly perItem: number
}

/** What a command costs its master: µs of CPU, bytes kept, bytes received and sent. */
export interface CommandCost {
  readonly cpu: Cost
  readonly memory: Cost
  readonly received: Cost
  readonly sent: Cost
}

/** What one call carries at most (`MAX_BATCH` of src/batching/batcher.ts). */
export const FULL_BATCH = 256

/**
 * Keys of 24 characters, buyers of 12, one line a cart. `memory`: the record and its key; and the
 * stream and expiry entries of each call.
 */
export const reserve: CommandCost = {
  cpu: { perCall: 60, perItem: 4.3 },
  memory: { perCall: 185, perItem: 129 },
  received: { perCall: 394, perItem: 65 },
  sent: { perCall: 89, perItem: 1 },
}

/** Payment ids of 18 characters. */
export const confirm: CommandCost = {
  cpu: { perCall: 60, perItem: 8 },
  memory: { perCall: 45, perItem: 30 },
  received: { perCall: 380, perItem: 35 },
  sent: { perCall: 90, perItem: 80 },
}

/** A hold that the sweep releases; the calls are few. */
export const expire: CommandCost = {
  cpu: { perCall: 0, perItem: 11 },
  memory: { perCall: 0, perItem: 14 },
  received: { perCall: 0, perItem: 0 },
  sent: { perCall: 0, perItem: 0 },
}

export const join: CommandCost = {
  cpu: { perCall: 60, perItem: 3.2 },
  memory: { perCall: 0, perItem: 66 },
  received: { perCall: 388, perItem: 14 },
  sent: { perCall: 49, perItem: 9.5 },
}

/** The server with its scripts, and the keys of an empty partition, in bytes. */
export const server = { base: 2_000_000, partition: 1_200 }

/** The round trip to a server near by, in ms: what an answer takes if no call queues. */
export const ROUND_TRIP_MS = 0.5

/** What one process can do a second if it does nothing else. */
export const process = { reserves: 122_000, confirms: 107_000, joins: 75_000, polls: 202_000 }

/**
 * Bytes of one process: Node with the library; the acknowledged reservations it remembers; a
 * visitor it knows.
 */
export const processMemory = { base: 80_000_000, remembered: 30_000_000, visitor: 420, visitors: 1 << 20 }

/**
 * Polls of a visitor over the whole wait, and the least and greatest pause between two in seconds
 * (src/waiting-room/eta.ts).
 */
export const polling = { perWait: 6, least: 1, most: 30 }

/** Which command measures what; in the order of `--json`. */
export const measuredBy = {
  reserve: 'npm run plan -- --check',
  confirm: 'npm run plan -- --check',
  expire: 'npm run plan -- --check',
  join: 'npm run plan -- --check; npm run bench -- waiting-room',
  process: 'npm run bench -- peers reserve-confirm waiting-room',
  processMemory: 'npm run bench -- waiting-room',
  partitions: 'npm run bench -- partitions',
} as const
