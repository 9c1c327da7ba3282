import { saleEffects } from '../../engine/effects.js'
import type { Answer, Command, Op, Reply } from '../../engine/engine.js'
import type { Call } from '../../engine/port.js'
import { incompatible } from '../incompatible.js'
import { momentAt } from '../time.js'
import { amend } from './amend.js'
import { bind } from './bind.js'
import { confirm, extend, release } from './confirm-and-release.js'
import { control, create, rebuild, update } from './create-and-control.js'
import { move } from './move.js'
import type { PartitionState, Step } from './partition-state.js'
import { describe, events, get, list, scan, stats, sweep } from './read.js'
import { refund } from './refund.js'
import { reserve } from './reserve.js'
import { restock } from './restock.js'
import { debt, setTotal, withhold } from './set-total.js'
import { arrive, settle, transfer } from './transfer-reservation.js'
import { forgotSending, receive, send, transfers } from './transfer-stock.js'

type Handlers = { readonly [C in Command]: (state: PartitionState, op: Op<C>, step: Step) => Answer<C> }

const handlers: Handlers = {
  create,
  describe,
  rebuild,
  update,
  bind,
  reserve,
  amend,
  confirm,
  release,
  extend,
  refund,
  get,
  list,
  restock,
  move,
  setTotal,
  debt,
  withhold,
  control,
  send,
  receive,
  transfers,
  transfer,
  arrive,
  settle,
  stats,
  sweep,
  scan,
  events,
}

/** Executes one batch on one partition. `clock`: the time it shows, epoch ms. */
export function executeSaleCommand<C extends Command>(
  state: PartitionState,
  command: C,
  ops: readonly Op<C>[],
  call: Call,
  clock: number,
): Reply<C> {
  const makes = command === 'create' || command === 'rebuild'
  if (state.incarnation === null && !makes) return { outcome: 'missing', now: clock }
  const unread = incompatible(state, clock)
  if (unread) return unread
  const isAnother = call.incarnation !== null && call.incarnation !== state.incarnation
  if (state.incarnation !== null && (isAnother || state.seal.isSealed)) return { outcome: 'lost', now: clock }

  const reads = saleEffects[command] === 'reads'
  if (state.incarnation !== null && !makes && !call.bypassFreeze && isRolledBack(state, command, ops, call))
    return { outcome: 'rolled_back', now: clock }

  const moment = momentAt(clock, state.time, call.minTime)
  const step: Step = { ...moment, overdue: clock > call.deadline, bypassFreeze: call.bypassFreeze === true }
  const answers = ops.map((op) => {
    if (state.incarnation !== null && !reads) state.advance(step)
    return handlers[command](state, op, step)
  })
  state.events.close(call.batchId ?? '')
  return {
    outcome: 'done',
    now: step.now,
    clock,
    sequence: state.events.sequence,
    offset: state.offset,
    ...(makes || command === 'describe' ? {} : { revision: state.present.revision }),
    answers,
  }
}

/**
 * Whether the caller's `lastSeen` shows that history was lost; a command that may write then
 * freezes the partition for all callers.
 */
function isRolledBack<C extends Command>(
  state: PartitionState,
  command: C,
  ops: readonly Op<C>[],
  { lastSeen }: Call,
): boolean {
  const reads = saleEffects[command] === 'reads'
  const forgot = command === 'send' && (ops as readonly Op<'send'>[]).some((op) => forgotSending(state, op))
  if (!state.frozen && (forgot || (lastSeen && !state.remembers(lastSeen)))) {
    if (reads) return true
    state.freeze()
  }
  return state.frozen && !reads
}
