import { setTimeout as delay } from 'node:timers/promises'
import { type Random, random } from '../lib/random.js'
import type { FaultyServers } from './faulty-servers.js'

type Target = Pick<FaultyServers, 'redis' | 'proxy' | 'endSessions'>

interface Kind {
  /** How often the fault is drawn, compared with the others. */
  readonly weight: number
  /** Resolves when the fault is over; `heal` of the proxy ends the rest. */
  readonly strike: (servers: Target, dice: Random) => Promise<void> | void
}

const upTo = (most: number, dice: Random) => 1 + Math.floor(dice() * most)

const kinds = {
  'replies lost': {
    weight: 4,
    strike: ({ proxy }, dice) => void proxy.dropReplies({ times: upTo(3, dice), chance: 0.5 }),
  },
  'requests lost': {
    weight: 3,
    strike: ({ proxy }, dice) => void proxy.dropRequests({ times: upTo(3, dice), chance: 0.5 }),
  },
  'replies cut': { weight: 2, strike: ({ proxy }, dice) => void proxy.cutReplies({ times: upTo(2, dice) }) },
  'connections cut': { weight: 4, strike: ({ proxy }) => void proxy.cutConnections() },
  'connections refused': {
    weight: 2,
    async strike({ proxy }, dice) {
      const fault = proxy.refuseConnections()
      proxy.cutConnections()
      await delay(dice() * 600)
      await fault.lift()
    },
  },
  'slow network': {
    weight: 3,
    async strike({ proxy }, dice) {
      const fault = proxy.delay({ ms: upTo(150, dice), jitterMs: 100, commands: 'all' })
      await delay(dice() * 800)
      await fault.lift()
    },
  },
  'silent network': {
    weight: 2,
    async strike({ proxy }, dice) {
      const fault = proxy.blackHole(dice() < 0.5 ? 'requests' : 'replies')
      await delay(dice() * 1_200)
      await fault.lift()
    },
  },
  'Redis stops': {
    weight: 2,
    async strike({ redis }) {
      await redis.kill('SIGSTOP')
      await delay(1_000)
      await redis.kill('SIGCONT')
    },
  },
  'Redis crashes': {
    weight: 1,
    async strike({ redis }, dice) {
      await redis.kill('SIGKILL')
      await delay(dice() * 500)
      await redis.restart()
    },
  },
  'PostgreSQL ends sessions': { weight: 3, strike: ({ endSessions }) => endSessions() },
} satisfies Record<string, Kind>

export type Fault = keyof typeof kinds
export const faults = Object.keys(kinds) as Fault[]
const deck = faults.flatMap((fault) => new Array<Fault>(kinds[fault].weight).fill(fault))

/** Longest pause between two faults, ms. */
const REST_MS = 1_500

/**
 * The faults of a round, each with its ms from the beginning. The application draws other sequences
 * from the same seed.
 */
export function plan(
  seed: number,
  round: number,
  ms: number,
): { readonly at: number; readonly fault: Fault }[] {
  const dice = random(seed, round, -1)
  const planned: { at: number; fault: Fault }[] = []
  for (let at = dice() * REST_MS; at < ms; at += dice() * REST_MS)
    planned.push({ at, fault: deck[Math.floor(dice() * deck.length)]! })
  return planned
}

/**
 * Injects faults at random for this time, and then ends all of them. A fault that earlier ones have
 * delayed too much is skipped.
 */
export async function injectFaults(
  servers: Target,
  { seed, round, ms }: { seed: number; round: number; ms: number },
  onFault: (fault: Fault) => void,
): Promise<void> {
  const begun = performance.now()
  const dice = random(seed, round, -2)
  const waitUntil = (at: number) => delay(Math.max(0, begun + at - performance.now()))
  for (const { at, fault } of plan(seed, round, ms)) {
    await waitUntil(at)
    if (performance.now() >= begun + ms) break
    onFault(fault)
    const { strike }: Kind = kinds[fault]
    await strike(servers, dice)
  }
  await waitUntil(ms)
  await servers.proxy.heal()
}
