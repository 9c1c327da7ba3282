import type { DepartedChunk, RoomState } from '../engine/room.js'
import { shuffler } from './draw.js'

const CHUNK = 65_536
const tuning = {
  blockWords: 8,
}
const BLOCK = tuning.blockWords * 32

/**
 * The queue as this process knows it. The engine reports the numbers that were given up; the index
 * turns them into ranks and counts them, so that the position of any of a million visitors is known
 * without a call.
 */
export class QueueIndex {
  #drawn: number | null = null
  #shuffled = (number: number) => number
  /** The numbers that were given up, by chunk. */
  readonly #chunks = new Map<number, Buffer>()
  /** One bit for each rank, set if it was given up; the counts in each block, and before it. */
  #bits = new Uint32Array(tuning.blockWords)
  #inBlock = new Uint32Array(1)
  #before = new Uint32Array(1)
  #dirty = false

  /** Applies a new state of the room. */
  update(state: Pick<RoomState, 'drawn' | 'seed' | 'gone'>): void {
    if (this.#drawn === null && state.drawn !== null && state.seed !== null) {
      this.#drawn = state.drawn
      if (state.drawn > 0) this.#shuffled = shuffler(state.seed, state.drawn)
      this.#shuffle()
    }
    for (const chunk of state.gone) this.#merge(chunk)
  }

  /** Whether the queue was shuffled. */
  get isDrawn(): boolean {
    return this.#drawn !== null
  }

  rankOf(number: number): number {
    if (this.#drawn === null || number > this.#drawn) return number
    return this.#shuffled(number)
  }

  /** How many ranks after `from` and before `to` were given up. */
  goneBetween(from: number, to: number): number {
    return to <= from + 1 ? 0 : this.#upTo(to - 1) - this.#upTo(from)
  }

  /** Whether this rank was given up. */
  isGone(rank: number): boolean {
    const word = rank >>> 5
    return word < this.#bits.length && (this.#bits[word]! & (1 << (rank & 31))) !== 0
  }

  #merge({ index, bits }: DepartedChunk): void {
    const known = this.#chunks.get(index)
    for (let byte = 0; byte < bits.length; byte++) {
      const fresh = bits[byte]! & ~(known?.[byte] ?? 0)
      for (let bit = 0; fresh >> bit > 0; bit++) {
        // The first number of a byte is its highest bit.
        if ((fresh >> bit) & 1) this.#add(this.rankOf(index * CHUNK + byte * 8 + 7 - bit))
      }
    }
    this.#chunks.set(index, bits)
  }

  /** Called after the draw: converts the index from numbers to ranks. */
  #shuffle(): void {
    const chunks = [...this.#chunks].map(([index, bits]) => ({ index, bits }))
    this.#chunks.clear()
    this.#bits.fill(0)
    this.#inBlock.fill(0)
    this.#dirty = true
    for (const chunk of chunks) this.#merge(chunk)
  }

  #add(rank: number): void {
    this.#reach(rank)
    this.#bits[rank >>> 5]! |= 1 << (rank & 31)
    this.#inBlock[Math.floor(rank / BLOCK)]!++
    this.#dirty = true
  }

  #reach(rank: number): void {
    if (rank < this.#bits.length * 32) return
    const blocks = Math.max(this.#inBlock.length * 2, Math.floor(rank / BLOCK) + 1)
    const bits = new Uint32Array(blocks * tuning.blockWords)
    bits.set(this.#bits)
    const inBlock = new Uint32Array(blocks)
    inBlock.set(this.#inBlock)
    this.#bits = bits
    this.#inBlock = inBlock
    this.#before = new Uint32Array(blocks)
    this.#dirty = true
  }

  /** How many ranks up to this one were given up. */
  #upTo(rank: number): number {
    if (this.#dirty) this.#count()
    const last = this.#inBlock.length - 1
    const block = Math.floor(rank / BLOCK)
    if (block > last) return this.#before[last]! + this.#inBlock[last]!
    let count = this.#before[block]!
    const word = rank >>> 5
    for (let i = block * tuning.blockWords; i < word; i++) count += ones(this.#bits[i]!)
    return count + ones(this.#bits[word]! & (0xffff_ffff >>> (31 - (rank & 31))))
  }

  #count(): void {
    for (let block = 1; block < this.#inBlock.length; block++)
      this.#before[block] = this.#before[block - 1]! + this.#inBlock[block - 1]!
    this.#dirty = false
  }
}

/** Counts the set bits of a 32-bit number. */
function ones(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x5555_5555)
  const nibbles = (pairs & 0x3333_3333) + ((pairs >>> 2) & 0x3333_3333)
  return Math.imul((nibbles + (nibbles >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
