import type { RoomState } from '../../room.js'

interface Revocation {
  readonly at: number
  readonly buyer: string
  readonly stay: number
}

/** Whose pass was revoked, for as long as it could be valid. */
export class Revocations {
  readonly #passMs: number
  readonly #revoked: Revocation[] = []

  constructor(passMs: number) {
    this.#passMs = passMs
  }

  add(revocation: Revocation): void {
    while (this.#revoked[0] && revocation.at >= this.#revoked[0].at + this.#passMs) this.#revoked.shift()
    this.#revoked.push(revocation)
  }

  since(from: number, now: number): RoomState['revoked'] {
    return this.#revoked
      .filter(({ at }) => at >= from && now < at + this.#passMs)
      .map(({ buyer, stay }) => ({ buyer, stay }))
  }
}
