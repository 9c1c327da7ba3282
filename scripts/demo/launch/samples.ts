import { count, seconds } from '../../../src/cli/terminal/format.js'
import type { PollResult } from '../../../src/index.js'

interface Sample {
  readonly buyer: number
  /** The first position and waiting time that the visitor was told, and when. */
  first: { readonly position: number; readonly etaMs: number | null; readonly at: number } | undefined
  latest: PollResult | undefined
  endedAt: number | undefined
}

/**
 * Visitors whose way through the room is shown: one from the head of the queue, one from its end.
 */
export class Samples {
  readonly #byBuyer: ReadonlyMap<number, Sample>

  constructor(buyers: readonly number[]) {
    this.#byBuyer = new Map(
      buyers.map((buyer) => [buyer, { buyer, first: undefined, latest: undefined, endedAt: undefined }]),
    )
  }

  has(buyer: number): boolean {
    return this.#byBuyer.has(buyer)
  }

  told(buyer: number, answer: PollResult, now = performance.now()): void {
    const sample = this.#byBuyer.get(buyer)
    // A visitor who joins again is not followed.
    if (!sample || sample.endedAt !== undefined) return
    sample.latest = answer
    if (answer.status !== 'waiting') {
      sample.endedAt = now
      return
    }
    const { position, etaMs } = answer
    // The first forecast may come after the first position.
    if (sample.first === undefined || sample.first.etaMs === null) sample.first = { position, etaMs, at: now }
  }

  lines(): string[] {
    return [...this.#byBuyer.values()].map((sample) => `buyer-${sample.buyer}: ${story(sample)}`)
  }
}

function story({ first, latest, endedAt }: Sample): string {
  if (latest === undefined) return 'on the way'
  if (latest.status === 'waiting') {
    const { position, etaMs, soldOutLikely } = latest
    const eta = etaMs === null ? 'no forecast yet' : `${seconds(etaMs)} to go`
    return `position ${count(position)}, ${eta}${soldOutLikely ? ', likely sold out by then' : ''}`
  }
  const end = latest.status === 'admitted' ? 'has a pass' : 'turned away, sold out'
  if (first === undefined) return end
  const forecast =
    first.etaMs === null ? '' : `, forecast ${seconds(first.etaMs)} at position ${count(first.position)}`
  return `${end} after ${seconds(endedAt! - first.at)}${forecast}`
}
