import type { Engine } from '../engine/engine.js'
import { type ListedRecovery, listRecoveries } from '../sale/recovery/recoveries.js'
import type { AnsweredProcess, RecoveringProcess } from '../sale/results.js'
import type { RecoveryView } from './view.js'

const tuning = {
  /** How many processes that have answered, and that are missing, are named. */
  named: 50,
}

/**
 * The recoveries in every process. Their answers can be large: they are read while a sale is to be
 * recovered, and until a recovery that was seen is over.
 */
export class Recoveries {
  readonly #engine: Engine
  #latest: readonly ListedRecovery[] = []

  constructor(engine: Engine) {
    this.#engine = engine
  }

  /** By sale. @param isNeeded A sale is to be recovered. */
  async read(isNeeded: boolean): Promise<Map<string, RecoveryView>> {
    const isUnderWay = this.#latest.some(({ state }) => state === 'waiting' || state === 'resuming')
    if (isNeeded || isUnderWay) this.#latest = await listRecoveries(this.#engine)
    // The latest one of a sale stands last.
    return new Map(this.#latest.map((recovery) => [recovery.sale, viewOf(recovery)]))
  }
}

function viewOf(recovery: ListedRecovery): RecoveryView {
  const { startedAt, waitFor, remainingMs, state, answered, missing, lacking } = recovery
  const sum = (of: 'restored' | 'refused') => answered.reduce((total, one) => total + one[of], 0)
  return {
    ...{ startedAt, waitFor, remainingMs, state, lacking },
    ...{ restored: sum('restored'), refused: sum('refused') },
    answeredCount: answered.length,
    missingCount: missing.length,
    answered: answered.slice(0, tuning.named).map(answeredView),
    missing: missing.slice(0, tuning.named).map(({ isPresent, error, ...process }) => ({
      name: nameOf(process),
      isPresent,
      error: error ?? null,
    })),
  }
}

function answeredView({ counts, restored, refused, ...process }: AnsweredProcess) {
  return { name: nameOf(process), counts, restored, refused }
}

function nameOf({ id, host, pid }: RecoveringProcess): string {
  return host === undefined ? id : `${host}:${pid}`
}
