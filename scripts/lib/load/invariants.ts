import { counted } from '../../../src/cli/terminal/format.js'
import type { Paint } from '../../../src/cli/terminal/style.js'
import { hanging } from '../../../src/cli/terminal/wrap.js'
import type { Tally } from './drive.js'

/** What was checked, and whether it holds. */
export interface Invariant {
  readonly rule: string
  readonly holds: boolean
  readonly detail?: string
}

/**
 * Collects checks. The same rule over many sales or rounds is one line, which holds if it held each
 * time.
 */
export class Invariants {
  readonly #rules = new Map<string, { times: number; broken: string[] }>()

  check(rule: string, holds: boolean, detail = 'does not hold'): void {
    const known = this.#rules.get(rule) ?? { times: 0, broken: [] }
    this.#rules.set(rule, known)
    known.times++
    if (!holds) known.broken.push(detail)
  }

  /** Adds what another process has checked. */
  add(found: readonly Invariant[]): void {
    for (const { rule, holds, detail } of found) this.check(rule, holds, detail)
  }

  list(): Invariant[] {
    return [...this.#rules].map(([rule, { times, broken }]) => {
      if (broken.length === 0) return { rule, holds: true, detail: `checked ${counted(times, 'time')}` }
      const more = broken.length > 5 ? `; and ${broken.length - 5} more` : ''
      return { rule, holds: false, detail: broken.slice(0, 5).join('; ') + more }
    })
  }
}

/** Checks a drive in which there is stock for every buyer. */
export function allAccepted({ refused, failed, error }: Tally, invariants: Invariants): void {
  invariants.check(
    'no request failed, none was refused while there was stock',
    refused + failed === 0,
    `${refused} refused, ${failed} failed (${error})`,
  )
}

/** The invariants as lines for a terminal of this width. */
export function invariantLines(invariants: readonly Invariant[], width: number, paint: Paint): string[] {
  return invariants.flatMap(({ rule, holds, detail }) => {
    const mark = holds ? '✓ holds  ' : '✗ DOES NOT HOLD  '
    const text = detail === undefined ? rule : `${rule}: ${detail}`
    return hanging(paint(holds ? 'green' : 'red', mark), mark.length, text, width)
  })
}
