import type { DepartedChunk } from '../../engine/room.js'

const CHUNK = 65_536

/**
 * The numbers of visitors who left while waiting, one bit each, and the version at which each chunk
 * changed last.
 */
export class DepartedRanks {
  readonly #chunks: { readonly bits: Buffer; version: number }[] = []
  /** Of the latest change, which all queues of a room share. */
  readonly #latest: { version: number }
  /** All numbers from the last `from` up to here have departed; they are not examined again. */
  #run = 0

  constructor(latest = { version: 0 }) {
    this.#latest = latest
  }

  get version(): number {
    return this.#latest.version
  }

  add(number: number): void {
    const chunk = this.#chunkOf(number)
    chunk.version = ++this.#latest.version
    const bit = number % CHUNK
    chunk.bits[bit >> 3]! |= 0x80 >> (bit & 7)
  }

  /** Whether all numbers after `from` and before `to` have departed. `from` never gets less. */
  allBetween(from: number, to: number): boolean {
    this.#run = Math.max(this.#run, from)
    while (this.#has(this.#run + 1)) this.#run++
    return this.#run + 1 >= to
  }

  changedAfter(version: number): DepartedChunk[] {
    return this.#chunks.flatMap((chunk, index) =>
      chunk.version > version ? [{ index, bits: Buffer.from(chunk.bits) }] : [],
    )
  }

  #has(number: number): boolean {
    const bit = number % CHUNK
    const chunk = this.#chunks[Math.floor(number / CHUNK)]
    return chunk !== undefined && (chunk.bits[bit >> 3]! & (0x80 >> (bit & 7))) !== 0
  }

  #chunkOf(number: number) {
    const index = Math.floor(number / CHUNK)
    while (this.#chunks.length <= index) this.#chunks.push({ bits: Buffer.alloc(CHUNK / 8), version: 0 })
    return this.#chunks[index]!
  }
}
