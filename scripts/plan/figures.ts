/**
 * What the planner reckons with: figures measured on two virtual cores of an AMD EPYC, Redis 7.0.15, Node 20.20.2. `measuredBy` says how to
 * measure them again; `npm run plan -- --check` compares the plan with the machine it runs on.
 */

/** What something costs: so much for each script call, and so much for each item in it. */
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

/** Keys of 24 characters, buyers of 12, one line a cart. `memory`: the record and its key; and the stream and expiry entries of each call. */
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

/** A hold given back by the sweep; the calls are few. */
export const lapse: CommandCost = {
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

/** The round trip to a server near by, in ms: what an answer takes where nothing queues. */
export const ROUND_TRIP_MS = 0.5

/** What one process does a second at most, if it does nothing else. */
export const process = { reserves: 122_000, confirms: 107_000, joins: 75_000, polls: 202_000 }

/** Bytes of one process: Node with the library; what it remembers of its answers; a visitor of the waiting room it has spoken with. */
export const processMemory = { base: 80_000_000, remembered: 30_000_000, visitor: 420, visitors: 1 << 20 }

/** So often one polls while the wait lasts, and at least and at most in seconds (src/waiting-room/eta.ts). */
export const polling = { perWait: 6, least: 1, most: 30 }

/** Which command measures what; in the order of `--json`. */
export const measuredBy = {
  reserve: 'npm run plan -- --check',
  confirm: 'npm run plan -- --check',
  lapse: 'npm run plan -- --check',
  join: 'npm run plan -- --check; npm run bench -- crowd',
  process: 'npm run bench -- peers whole-way crowd',
  processMemory: 'npm run bench -- crowd',
  partitions: 'npm run bench -- partitions',
} as const
