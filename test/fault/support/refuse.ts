import { expect } from 'vitest'
import { openTrial, type Stage, type TrialOptions } from './trial.js'
import { verdict } from './verdict.js'

/**
 * Load, a server that refuses with `reply`, and one that does not any more. What is refused was not
 * executed, so every call must say UNAVAILABLE; and that nothing was done after all, the verdict
 * finds out.
 */
export async function refuse(
  reply: string,
  begin: (stage: Stage) => Promise<unknown>,
  end: (stage: Stage) => Promise<unknown>,
  options: TrialOptions = {},
): Promise<Stage> {
  // A refusal comes at once: no call ends by its deadline.
  const stage = await openTrial({ deadlineMs: 60_000, ...options })
  const { crowd } = stage
  crowd.start()
  await crowd.hears('confirmed', 30)
  await begin(stage)
  await crowd.hears(reply, 20)
  await end(stage)
  await crowd.hears('confirmed', 30)
  await crowd.stop()
  const told = crowd.calls.filter(({ cause }) => cause === reply).map((call) => call.told)
  expect(told).toContain('UNAVAILABLE')
  // Where connections broke before, a driver may have sent again what was executed the first time.
  if (reply !== 'LOADING') expect(told).not.toContain('UNKNOWN_OUTCOME')
  await crowd.buysOnEveryHandle()
  await verdict(stage, [crowd])
  return stage
}
