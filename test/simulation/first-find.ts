import type { FirstFinds } from '../support/first-finds.js'
import type { Simulated } from './simulator/simulate.js'

/** Plays runs with an injected bug until one of them finds it. */
export async function firstFind(
  finds: FirstFinds,
  bug: string,
  runs: number,
  play: (seed: number) => Promise<Simulated>,
): Promise<Simulated['violation']> {
  const before = finds.of(bug)
  for (let at = before; at < before + runs; at++) {
    const { violation } = await play(at + 1)
    if (!violation) continue
    finds.found(bug, at)
    return violation
  }
  return undefined
}
