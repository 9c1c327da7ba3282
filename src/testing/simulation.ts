import { invalid } from '../errors.js'
import { checkInteger, checkOptions } from '../validation.js'
import type { Simulated } from './simulator/simulate.js'
import { simulate as play } from './simulator/simulate.js'

export interface SimulationOptions {
  /** Everything is drawn from it: the same seed is the same run, step by step. */
  readonly seed: number
  /** Takes the lines of a trace, in order. */
  readonly trace?: ((line: string) => void) | undefined
}

/**
 * Plays one sale in a simulated world in which nearly everything fails: messages are lost, late and repeated, processes die and
 * stop, clocks leap, the server goes away. The client side of the library is the real one; network, clocks and server are not, so
 * a run takes some ten ms and is repeated exactly by its seed. Checks each answer against the rules of the sale, and after the faults that
 * the sale goes on.
 *
 * @returns What was done, and the promise that was broken, if any: `violation`, with a report that a person can follow.
 */
export async function simulate(options: SimulationOptions): Promise<Simulated> {
  const { seed, trace } = checkOptions(options, 'options', { seed: true, trace: true })
  if (trace !== undefined && typeof trace !== 'function') throw invalid('trace', 'must be a function')
  return play({
    seed: checkInteger(seed, 'seed', 0, 2 ** 32 - 1),
    trace: trace as SimulationOptions['trace'],
  })
}
