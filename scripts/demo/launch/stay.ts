import { random } from '../../lib/random.js'

/** What one visitor does in the waiting room, beside waiting. */
export interface Stay {
  readonly kind: 'waits' | 'never comes back' | 'leaves'
  /** After so many looks at the door they do what they do. */
  readonly looks: number
  /** Tries at that look to buy without a pass, with somebody else's or with one made up; and waits on. */
  readonly cheat: Cheat | undefined
  /** Is told by server-sent events instead of looking. */
  readonly watches: boolean
}

export type Cheat = 'without a pass' | 'with a pass of somebody else' | 'with a pass made up'

const cheats: readonly Cheat[] = ['without a pass', 'with a pass of somebody else', 'with a pass made up']

/** Who comes again behaves. */
export const comesAgain: Stay = { kind: 'waits', looks: 0, cheat: undefined, watches: false }
/** Whom the panel follows. */
export const isFollowed: Stay = { ...comesAgain, watches: true }

/** A pure function of the seed, as every plan. */
export function stayOf(seed: number, buyer: number): Stay {
  const dice = random(seed, buyer, -1)
  // Always the same draws in the same order.
  const [kind, looks, cheats, which, watches] = [dice(), dice(), dice(), dice(), dice()]
  return {
    kind: kind < 0.08 ? 'never comes back' : kind < 0.12 ? 'leaves' : 'waits',
    looks: Math.floor(4 * looks!),
    cheat: kind >= 0.12 && cheats! < 0.03 ? cheatOf(which!) : undefined,
    watches: kind >= 0.12 && watches! < 0.002,
  }
}

function cheatOf(roll: number): Cheat {
  return cheats[Math.floor(roll * cheats.length)]!
}
