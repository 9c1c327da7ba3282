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
    while (this.#revoked[0] && now >= this.#revoked[0].at + this.#passMs) this.#revoked.shift()
    return this.#revoked.filter(({ at }) => at >= from).map(({ buyer, visitId }) => ({ buyer, visitId }))
  }
}
