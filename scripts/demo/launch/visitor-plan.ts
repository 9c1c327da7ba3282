import { random } from '../../lib/random.js'

/** What a visitor does in the waiting room besides waiting. */
export interface VisitorPlan {
  readonly kind: 'waits' | 'never comes back' | 'leaves'
  /** After how many polls the visitor does it. */
  readonly polls: number
  /** Tries to buy at that moment without a valid pass, and goes on waiting. */
  readonly cheat: Cheat | undefined
  /** Waits for updates instead of polling. */
  readonly watches: boolean
}

export type Cheat = 'without a pass' | 'with a pass of another buyer' | 'with a forged pass'

const cheats: readonly Cheat[] = ['without a pass', 'with a pass of another buyer', 'with a forged pass']

/** A visitor who joins again just waits. */
export const returningVisitor: VisitorPlan = { kind: 'waits', polls: 0, cheat: undefined, watches: false }
/** A visitor whom the panel follows. */
export const followedVisitor: VisitorPlan = { ...returningVisitor, watches: true }

/** A pure function of the seed, as every plan. */
export function visitorPlanOf(seed: number, buyer: number): VisitorPlan {
  const dice = random(seed, buyer, -1)
  // Always the same draws in the same order.
  const [kind, polls, cheats, which, watches] = [dice(), dice(), dice(), dice(), dice()]
  return {
    kind: kind < 0.08 ? 'never comes back' : kind < 0.12 ? 'leaves' : 'waits',
    polls: Math.floor(4 * polls!),
    cheat: kind >= 0.12 && cheats! < 0.03 ? cheatOf(which!) : undefined,
    watches: kind >= 0.12 && watches! < 0.002,
  }
}

function cheatOf(roll: number): Cheat {
  return cheats[Math.floor(roll * cheats.length)]!
}
