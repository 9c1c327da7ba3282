import type { RemovalCommands } from '../../engine/removal.js'
import { answering, retry, type Step } from '../answering.js'
import type { PartitionState } from '../sale/partition-state.js'
import { momentAt } from '../time.js'

type Op<C extends keyof RemovalCommands> = RemovalCommands[C]['op']
type Answer<C extends keyof RemovalCommands> = RemovalCommands[C]['answer']

/**
 * @param state The partition's present state.
 * @param erase Forgets it.
 */
export function partitionRemoval(state: () => PartitionState, erase: () => void) {
  const meant = (incarnation: string) => {
    const present = state()
    return present.incarnation === incarnation ? present : undefined
  }
  return answering<RemovalCommands>({
    inspect: (_, step) => inspect(state(), step),
    seal: (op, step) => {
      const found = meant(op.incarnation)
      return found ? seal(found, op, step) : { status: 'gone' }
    },
    unseal: ({ incarnation, attempt }, { overdue }) => {
      const found = meant(incarnation)
      if (!found) return { status: 'gone' }
      if (attempt <= found.seal.attempt) return { status: 'unsealed' }
      if (overdue) return retry
      found.seal = { attempt, isSealed: false }
      return { status: 'unsealed' }
    },
    erase: ({ incarnation }, { overdue }) => {
      if (!meant(incarnation)) return { status: 'gone' }
      if (overdue) return retry
      erase()
      return { status: 'erased' }
    },
  })
}

/** The sale's time. */
function timeOf(state: PartitionState, { now, minTime }: Step): number {
  return momentAt(now, state.time, minTime).now
}

function inspect(state: PartitionState, step: Step): Answer<'inspect'> {
  if (state.incarnation === null) return { status: 'nothing' }
  const now = timeOf(state, step)
  const { closesAt } = state.rules
  const hasClosed = closesAt !== null && now >= closesAt
  return {
    status: 'found',
    incarnation: state.incarnation,
    state: state.saleState(now),
    frozen: state.frozen,
    changedAt: Math.max(state.events.changedAt, hasClosed ? closesAt : 0),
    attempt: state.seal.attempt,
    sealed: state.seal.isSealed,
  }
}

function seal(state: PartitionState, op: Op<'seal'>, step: Step): Answer<'seal'> {
  const { attempt, isSealed } = state.seal
  if (!op.dry && op.attempt <= attempt)
    return { status: isSealed && op.attempt === attempt ? 'sealed' : 'superseded' }
  if (state.frozen) return { status: 'frozen' }
  if (state.saleState(timeOf(state, step)) !== 'ended') return { status: 'not_ended' }
  if (!op.force && (holdsUnits(state) || isBehind(state))) return { status: 'in_use' }
  if (op.dry) return { status: 'sealed' }
  if (step.overdue) return retry
  state.seal = { attempt: op.attempt, isSealed: true }
  return { status: 'sealed' }
}

function holdsUnits({ stock, transfers }: PartitionState): boolean {
  return transfers.departing.size > 0 || stock.snapshot().some(({ held }) => held > 0)
}

function isBehind({ groups, events }: PartitionState): boolean {
  return groups.states().some(({ position, parked }) => position < events.sequence || parked > 0)
}
