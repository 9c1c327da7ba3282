import { createHash } from 'node:crypto'
import type { Mutant } from './mutant.js'

/**
 * `size` mutants, the same for the same seed. A mutant is ranked by its own text, so that an edit
 * elsewhere in the file does not change the sample.
 */
export function sample(mutants: readonly Mutant[], size: number, seed: number): Mutant[] {
  if (size >= mutants.length) return [...mutants]
  const seen = new Map<string, number>()
  const placed = mutants.map((mutant) => {
    const name = `${mutant.file}\n${mutant.before}\n${mutant.after}`
    const again = seen.get(name) ?? 0
    seen.set(name, again + 1)
    return { mutant, place: createHash('sha256').update(`${seed}\n${name}\n${again}`).digest('hex') }
  })
  const drawn = placed.sort((a, b) => (a.place < b.place ? -1 : 1)).slice(0, size)
  const chosen = new Set(drawn.map(({ mutant }) => mutant))
  return mutants.filter((mutant) => chosen.has(mutant))
}
