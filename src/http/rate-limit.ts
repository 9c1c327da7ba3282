import { serializeList, serializeString } from 'structured-headers'
import type { RoomStats } from '../waiting-room/results.js'
import type { WaitingRoom } from '../waiting-room/waiting-room.js'
import type { Header } from './problems.js'
import { SharedReading } from './shared-reading.js'

const NAME = 'admission'
const QUOTED = serializeString(NAME)

/**
 * The fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers): how many
 * visitors the room admits, and in how many seconds this one has a turn.
 */
export class RateLimitFields {
  readonly #stats: SharedReading<RoomStats>
  #policy: { readonly rate: number; readonly field: Header } | undefined

  constructor(room: WaitingRoom) {
    this.#stats = new SharedReading(1_000, () => room.stats())
  }

  /** @param etaMs `null`: the time of the turn is not known. */
  fields(etaMs: number | null): Header[] {
    // Every poll has this field, so it is put together here: whole numbers need no serializer.
    const left = `${QUOTED};r=${etaMs === 0 ? 1 : 0}`
    const limit: Header = ['ratelimit', etaMs === null ? left : `${left};t=${Math.ceil(etaMs / 1_000)}`]
    // Until the room's statistics are there, and while they cannot be read, the policy is left out.
    const rate = this.#stats.latest?.ratePerSecond
    return rate === undefined ? [limit] : [this.#policyOf(rate), limit]
  }

  #policyOf(rate: number): Header {
    if (this.#policy?.rate !== rate) {
      // Both numbers are whole: 0.5 a second is 1 in 2 seconds, or, less simply, 500 in 1,000.
      const seconds = [1, 2, 5, 10, 60].find((one) => Number.isInteger(rate * one)) ?? 1_000
      const parameters = new Map([
        ['q', Math.round(rate * seconds)],
        ['w', seconds],
      ])
      this.#policy = { rate, field: ['ratelimit-policy', serializeList([[NAME, parameters]])] }
    }
    return this.#policy.field
  }
}
