import { MOST_NAMES, type OpenNames, type RoomInUse } from './figures.js'
import type { OpenHandle, RequestBody } from './open-handle.js'

type Kind = OpenHandle['kind']

/**
 * The open handles of an engine. A process may have ten thousand, so those of one sale or room are
 * found by its id.
 */
export class OpenHandles {
  /** The handles of each sale, and of each room, with the times since which they are open. */
  readonly #byId = new Map<Kind, Map<string, Map<OpenHandle, number>>>([
    ['sale', new Map()],
    ['room', new Map()],
  ])

  get isEmpty(): boolean {
    return [...this.#byId.values()].every((byId) => byId.size === 0)
  }

  /** @param openedAt By the engine's clock. */
  add(handle: OpenHandle, openedAt: number): void {
    const handles = this.of(handle)
    handles.set(handle, openedAt)
    this.#byId.get(handle.kind)!.set(handle.id, handles)
  }

  /** `false`: it was not open. */
  remove(handle: OpenHandle): boolean {
    const handles = this.of(handle)
    const wasOpen = handles.delete(handle)
    if (handles.size === 0) this.#byId.get(handle.kind)!.delete(handle.id)
    return wasOpen
  }

  /** The handles of one sale or room, each with the time since which it is open. */
  of({ kind, id }: RequestBody): Map<OpenHandle, number> {
    return this.#byId.get(kind)?.get(id) ?? new Map()
  }

  /** The handles of each sale and room. */
  *each(): Generator<readonly [kind: Kind, id: string, handles: Iterable<OpenHandle>]> {
    for (const [kind, byId] of this.#byId) for (const [id, handles] of byId) yield [kind, id, handles.keys()]
  }

  names(kind: Kind): OpenNames {
    const byId = this.#byId.get(kind)!
    const ids: string[] = []
    for (const id of byId.keys()) {
      if (ids.length === MOST_NAMES) break
      ids.push(id)
    }
    return { count: byId.size, ids }
  }

  /** The sales, or rooms, that were used, each as the handle found it that was opened last. */
  inUse(kind: Kind): RoomInUse[] {
    const found: RoomInUse[] = []
    for (const handles of this.#byId.get(kind)!.values()) {
      if (found.length === MOST_NAMES) break
      for (const handle of [...handles.keys()].reverse()) {
        const inUse = handle.inUse?.()
        if (!inUse) continue
        found.push(inUse)
        break
      }
    }
    return found
  }
}
