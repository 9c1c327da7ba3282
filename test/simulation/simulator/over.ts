import type { World } from './world.js'

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
  await run.world.agenda.play(() => settled || run.wrong !== undefined)
  if (failure !== undefined) throw failure
}
