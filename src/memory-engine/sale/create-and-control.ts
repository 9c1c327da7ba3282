import type { Answer, Op } from '../../engine/engine.js'
import type { LogOffset } from '../../engine/port.js'
import { type PartitionState, retry, type Step } from './partition-state.js'

export function create(state: PartitionState, op: Op<'create'>, step: Step): Answer<'create'> {
  const isNew = state.incarnation === null
  if (!isNew && JSON.stringify(state.created) !== JSON.stringify(op.rules)) return made(state, 'conflict')
  // A caller with another incarnation means another sale, which is gone.
  const completes = op.complete && !state.complete && (isNew || op.incarnation === state.incarnation)
  if (step.overdue && (isNew || completes)) return retry
  if (isNew) state.create(op.rules, op.incarnation, step)
  if (completes) state.complete = true
  return made(state, isNew ? 'created' : 'exists')
}

function made(
  { incarnation, complete }: PartitionState,
  status: 'created' | 'exists' | 'conflict',
): Answer<'create'> {
  return { status, incarnation: incarnation!, complete }
}

export function rebuild(state: PartitionState, op: Op<'rebuild'>, step: Step): Answer<'rebuild'> {
  if (state.incarnation !== null) return { status: 'exists', incarnation: state.incarnation }
  if (step.overdue) return retry
  state.create(op.rules, op.incarnation, step)
  state.complete = true
  state.generation = op.generation
  state.freeze()
  return { status: 'rebuilt', incarnation: op.incarnation }
}

export function update(state: PartitionState, op: Op<'update'>, { overdue }: Step): Answer<'update'> {
  const { revision, rules, everywhere } = state.present
  const isNew = op.revision > revision && (op.after === null || op.after === revision)
  const isSame = op.revision === revision && JSON.stringify(op.rules) === JSON.stringify(rules)
  if (!isNew && !isSame) return { status: 'outdated', revision }
  const settles = !isNew && op.everywhere && !everywhere
  if (overdue && (isNew || settles)) return retry
  if (isNew) state.update(op)
  else if (settles) state.present = { ...state.present, everywhere: true }
  return { status: isNew ? 'updated' : 'unchanged', revision: op.revision }
}

export function control(state: PartitionState, op: Op<'control'>, step: Step): Answer<'control'> {
  if (op.action === 'unfreeze' && !op.recovered.every((offset) => isPresent(state, offset))) {
    if (!state.frozen) state.freeze()
    return { status: 'frozen' }
  }
  if (changes(state, op, step)) {
    if (step.overdue) return retry
    switchTo(state, op)
  }
  return { status: state.saleState() }
}

function changes(
  state: PartitionState,
  op: Op<'control'>,
  { bypassFreeze }: Pick<Step, 'bypassFreeze'>,
): boolean {
  if (op.action === 'unfreeze') return state.frozen
  if (op.action === 'advance') return state.frozen && op.after > state.generation
  if (op.action === 'end') return !state.ended
  const isOver = bypassFreeze ? state.ended : state.saleState() === 'ended'
  return state.paused !== (op.action === 'pause') && !isOver
}

/** Whether the offset is part of this history; while it is frozen, of the present generation. */
function isPresent(state: PartitionState, offset: LogOffset): boolean {
  return (!state.frozen || offset.generation === state.generation) && state.remembers(offset)
}

function switchTo(state: PartitionState, op: Op<'control'>): void {
  if (op.action === 'unfreeze') {
    state.unfreeze(op.after)
  } else if (op.action === 'advance') {
    state.generation = op.after + 1
  } else if (op.action === 'end') {
    state.ended = true
    state.append({ type: 'ended' })
  } else {
    state.paused = op.action === 'pause'
    state.append({ type: state.paused ? 'paused' : 'resumed' })
  }
}
