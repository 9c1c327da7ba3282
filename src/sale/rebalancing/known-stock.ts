import type { Units } from '../../engine/engine.js'

interface Known {
  /** By partition. */
  readonly units: Float64Array
  sum: number
}

/**
 * The units available in each partition at its last answer to this handle, for the SKUs that a call
 * of this handle lacked. The numbers may be out of date: they say where to ask first, and decide
 * nothing.
 */
export class KnownStock {
  readonly #partitions: number
  readonly #known = new Map<number, Known>()

  constructor(partitions: number) {
    this.#partitions = partitions
  }

  /** Starts to track a SKU that a call lacks or asks for. */
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

  /** The sum over all partitions. */
  sum(sku: number): number {
    return this.#known.get(sku)?.sum ?? 0
  }

  isKnown(sku: number): boolean {
    return this.#known.has(sku)
  }

  /**
   * The other partitions that have units, the one with the most first. The order of equal
   * partitions depends on the target, so that not all targets ask the same source.
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
