import type { Commands } from './engine.js'
import type { GroupCommands } from './groups.js'
import type { HeartbeatCommands } from './heartbeat.js'
import type { OperationsLogCommands } from './operations-log.js'
import type { CommandMap } from './port.js'
import type { RemovalCommands, RoomRemovalCommands } from './removal.js'
import type { RoomCommands } from './room.js'
import type { IndexCommands } from './sale-index.js'

/**
 * What a command changes:
 *
 * - `reads`: nothing at all.
 * - `sweeps`: only changes that are due without any caller, such as the expiry of holds. For its
 *   caller it is a read.
 * - `writes`: the change that its caller asks for.
 */
export type Effect = 'reads' | 'sweeps' | 'writes'

export type Effects<M extends CommandMap<M>> = { readonly [C in keyof M]: Effect }

export const saleEffects: Effects<Commands> = {
  create: 'writes',
  describe: 'reads',
  rebuild: 'writes',
  update: 'writes',
  bind: 'writes',
  reserve: 'writes',
  amend: 'writes',
  confirm: 'writes',
  release: 'writes',
  extend: 'writes',
  refund: 'writes',
  get: 'reads',
  list: 'reads',
  restock: 'writes',
  move: 'writes',
  setTotal: 'writes',
  debt: 'reads',
  withhold: 'writes',
  control: 'writes',
  send: 'writes',
  receive: 'writes',
  transfers: 'reads',
  transfer: 'writes',
  arrive: 'writes',
  settle: 'writes',
  stats: 'sweeps',
  sweep: 'sweeps',
  scan: 'reads',
  events: 'reads',
}

export const roomEffects: Effects<RoomCommands> = {
  create: 'writes',
  describe: 'reads',
  update: 'writes',
  join: 'writes',
  tend: 'writes',
  leave: 'writes',
  revoke: 'writes',
  block: 'writes',
  transfer: 'writes',
  spend: 'writes',
  control: 'writes',
}

export const groupEffects: Effects<GroupCommands> = {
  claim: 'writes',
  acknowledge: 'writes',
  checkpoint: 'writes',
  groups: 'reads',
  dead: 'reads',
  revive: 'writes',
  drop: 'writes',
}

export const indexEffects: Effects<IndexCommands> = {
  register: 'writes',
  find: 'reads',
  commit: 'writes',
  finish: 'writes',
  list: 'reads',
}

export const operationsLogEffects: Effects<OperationsLogCommands> = { write: 'writes', read: 'reads' }
export const heartbeatEffects: Effects<HeartbeatCommands> = {
  beat: 'writes',
  leave: 'writes',
  processes: 'reads',
  request: 'writes',
  answer: 'writes',
  claim: 'writes',
  finish: 'writes',
  requests: 'reads',
  offer: 'writes',
  append: 'writes',
  course: 'reads',
}

export const removalEffects: Effects<RemovalCommands> = {
  inspect: 'reads',
  seal: 'writes',
  unseal: 'writes',
  erase: 'writes',
}

export const roomRemovalEffects: Effects<RoomRemovalCommands> = { inspect: 'reads', erase: 'writes' }
