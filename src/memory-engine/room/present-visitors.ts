import { TIER } from '../../engine/room.js'
import type { RankedVisitor } from './ranked-visitor.js'

const tuning = {
  /** The most visitors in one block. */
  block: 512,
  /** The visitors a full block keeps; the others begin a new block. */
  kept: 256,
}

/**
 * The present visitors, in order of rank: sorted blocks of sorted visitors, so that adding,
 * removing and counting visitors is cheap however many there are.
 */
export class PresentVisitors {
  readonly #blocks: RankedVisitor[][] = []
  #size = 0

  first(): RankedVisitor | undefined {
    return this.#blocks[0]?.[0]
  }

  /** The first visitor of the tier of this index. */
  firstOf(tier: number): RankedVisitor | undefined {
    const block = this.#blocks.find((each) => each.at(-1)!.rank! > tier * TIER)
    const first = block?.find(({ rank }) => rank! > tier * TIER)
    return first && first.rank! < (tier + 1) * TIER ? first : undefined
  }

  has(visitor: RankedVisitor): boolean {
    return visitor.rank !== null
  }

  /** Adds a visitor, or moves one to another rank. */
  put(visitor: RankedVisitor, rank: number): void {
    if (visitor.rank === rank) return
    this.remove(visitor)
    visitor.rank = rank
    this.#size++
    const index = Math.min(this.#blockOf(visitor), this.#blocks.length - 1)
    const block = this.#blocks[index]
    if (!block) {
      this.#blocks.push([visitor])
      return
    }
    block.splice(before(block, visitor), 0, visitor)
    if (block.length > tuning.block) this.#blocks.splice(index + 1, 0, block.splice(tuning.kept))
  }

  remove(visitor: RankedVisitor): void {
    if (visitor.rank === null) return
    const index = this.#blockOf(visitor)
    const block = this.#blocks[index]!
    block.splice(before(block, visitor), 1)
    if (block.length === 0) this.#blocks.splice(index, 1)
    visitor.rank = null
    this.#size--
  }

  /** How many present visitors come before this one. */
  ahead(visitor: RankedVisitor): number {
    const index = this.#blockOf(visitor)
    return this.#sizeUpTo(index) + before(this.#blocks[index]!, visitor)
  }

  /** How many present visitors have at most this rank. */
  countUpTo(rank: number): number {
    const index = this.#blocks.findIndex((block) => block.at(-1)!.rank! > rank)
    if (index < 0) return this.#size
    return this.#sizeUpTo(index) + this.#blocks[index]!.findIndex((visitor) => visitor.rank! > rank)
  }

  #sizeUpTo(index: number): number {
    let size = 0
    for (let i = 0; i < index; i++) size += this.#blocks[i]!.length
    return size
  }

  /** The first block whose last visitor does not come before this one. */
  #blockOf(visitor: RankedVisitor): number {
    let low = 0
    let high = this.#blocks.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (compare(this.#blocks[middle]!.at(-1)!, visitor) < 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** How many visitors of the block come before this one. */
function before(block: readonly RankedVisitor[], visitor: RankedVisitor): number {
  let low = 0
  let high = block.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (compare(block[middle]!, visitor) < 0) low = middle + 1
    else high = middle
  }
  return low
}

function compare(a: RankedVisitor, b: RankedVisitor): number {
  return a.rank! - b.rank! || a.number - b.number
}
