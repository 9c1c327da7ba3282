import { demand } from '../../model/violation.js'
import type { World } from './world.js'

/** Nothing takes longer, in ms of the simulated time. */
const LONGEST_MS = 3_600_000

/** What is simulated, and the first thing that was seen to be wrong. */
interface Run {
  readonly world: World
  readonly wrong: unknown
}

/** Lets the world go on until this has come about. */
export async function over(run: Run, promise: Promise<unknown>): Promise<void> {
  let settled = false
  let failure: unknown
  promise.then(
    () => {
      settled = true
    },
    (error: unknown) => {
      settled = true
      failure = error
    },
  )
  const { agenda } = run.world
  const end = agenda.now + LONGEST_MS
  await agenda.play(() => settled || run.wrong !== undefined || agenda.now > end)
  demand(agenda.now <= end, 'liveness', () => 'what was asked for is never over')
  if (failure !== undefined) throw failure
}
