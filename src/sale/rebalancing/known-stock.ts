import type { Units } from '../../engine/engine.js'

interface Known {
  /** By partition. */
  readonly units: Float64Array
  sum: number
}

/**
 * What each partition had available when this handle last heard of it, of the SKUs that somebody
 * here lacked. Others buy meanwhile, so it says where to ask first, and decides nothing.
 */
export class KnownStock {
  readonly #partitions: number
  readonly #known = new Map<number, Known>()

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** Somebody lacks it, or will need to know whether there is enough: the next survey tells. */
  track(sku: number): Known {
    let known = this.#known.get(sku)
    if (!known) {
      known = { units: new Float64Array(this.#partitions), sum: 0 }
      this.#known.set(sku, known)
    }
    return known
  }

  note(partition: number, sku: number, available: number): void {
    const known = this.track(sku)
    known.sum += available - known.units[partition]!
    known.units[partition] = available
  }

  noteAll(partition: number, left: Units): void {
    for (const [sku, available] of left) this.note(partition, sku, available)
  }

  at(partition: number, sku: number): number {
    return this.#known.get(sku)?.units[partition] ?? 0
  }

  /** In all partitions together. */
  sum(sku: number): number {
    return this.#known.get(sku)?.sum ?? 0
  }

  isKnown(sku: number): boolean {
    return this.#known.has(sku)
  }

  /**
   * The other partitions that have some, the richest first; of equals in another order for each
   * target, or all would ask the same.
   */
  sources(sku: number, target: number): number[] {
    const units = this.#known.get(sku)?.units
    if (!units) return []
    const sources: number[] = []
    for (let step = 1; step < this.#partitions; step++) {
      const partition = (target + step) % this.#partitions
      if (units[partition]! > 0) sources.push(partition)
    }
    return sources.sort((a, b) => units[b]! - units[a]!)
  }
}
