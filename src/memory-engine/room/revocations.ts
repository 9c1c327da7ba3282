import type { RoomState } from '../../engine/room.js'

interface Revocation {
  readonly at: number
  readonly buyer: string
  readonly visitId: number
}

/** The buyers whose pass was revoked, for as long as it could be valid. */
export class Revocations {
  readonly #passMs: number
  readonly #revoked: Revocation[] = []

  constructor(passMs: number) {
    this.#passMs = passMs
  }

  add(revocation: Revocation): void {
    this.#revoked.push(revocation)
  }

  since(from: number, now: number): RoomState['revoked'] {
    const valid = this.#revoked.findIndex(({ at }) => now < at + this.#passMs)
    this.#revoked.splice(0, valid < 0 ? this.#revoked.length : valid)
    return this.#revoked.filter(({ at }) => at >= from).map(({ buyer, visitId }) => ({ buyer, visitId }))
  }
}
